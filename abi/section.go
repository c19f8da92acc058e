package abi

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// ManifestSection is the name of the custom section that holds the manifest.
const ManifestSection = "cerberus.manifest"

// wasmHeader begins every WebAssembly 1 module: magic and version.
const wasmHeader = "\x00asm\x01\x00\x00\x00"

// ModuleManifest reads the manifest out of a module file of at most [ModuleBytesMax]
// bytes. It looks at section headers only; the code is the validator's business.
func ModuleManifest(module []byte) (*Manifest, error) {
	raw, err := manifestBytes(module)
	if err != nil {
		return nil, err
	}
	if raw == nil {
		return nil, fmt.Errorf("%w: it has no %q section: build it with `cerberus brain build`",
			ErrModule, ManifestSection)
	}
	return ParseManifest(raw)
}

// AttachManifest returns a copy of module with the manifest appended as its last section;
// a module that already has one is refused.
func AttachManifest(module []byte, m *Manifest) ([]byte, error) {
	old, err := manifestBytes(module)
	if err != nil {
		return nil, err
	}
	if old != nil {
		return nil, fmt.Errorf("%w: it already has a %q section", ErrModule, ManifestSection)
	}
	raw, err := m.Canonical()
	if err != nil {
		return nil, err
	}
	if _, err := ParseManifest(raw); err != nil {
		return nil, err
	}
	payload := binary.AppendUvarint(nil, uint64(len(ManifestSection)))
	payload = append(payload, ManifestSection...)
	payload = append(payload, raw...)
	out := append(bytes.Clone(module), 0)
	out = binary.AppendUvarint(out, uint64(len(payload)))
	out = append(out, payload...)
	if len(out) > ModuleBytesMax {
		return nil, fmt.Errorf("%w: %d bytes with its manifest, more than %d", ErrModule, len(out),
			ModuleBytesMax)
	}
	return out, nil
}

// manifestBytes walks the sections and returns the manifest's bytes, nil if there is none.
func manifestBytes(module []byte) ([]byte, error) {
	if len(module) > ModuleBytesMax {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrModule, len(module), ModuleBytesMax)
	}
	if !bytes.HasPrefix(module, []byte(wasmHeader)) {
		return nil, fmt.Errorf("%w: no WebAssembly 1 header", ErrModule)
	}
	var found []byte
	for rest := module[len(wasmHeader):]; len(rest) > 0; {
		id := rest[0]
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || n > 5 || size > uint64(len(rest)-1-n) {
			return nil, fmt.Errorf("%w: section at byte %d is longer than the file", ErrModule,
				len(module)-len(rest))
		}
		body := rest[1+n : 1+n+int(size)]
		rest = rest[1+n+int(size):]
		if id != 0 {
			continue
		}
		nameLen, n := binary.Uvarint(body)
		if n <= 0 || n > 5 || nameLen > uint64(len(body)-n) {
			return nil, fmt.Errorf("%w: a custom section's name is longer than the section", ErrModule)
		}
		if string(body[n:n+int(nameLen)]) != ManifestSection {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("%w: it has two %q sections", ErrModule, ManifestSection)
		}
		found = body[n+int(nameLen):]
	}
	return found, nil
}
