package opening

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// The names of a setup's files in its folder.
const (
	VerifyingFile = "setup.vk"
	ProvingFile   = "setup.pk"
)

// Save writes both files into the folder, which must not exist or be empty. They appear
// together or not at all. It returns an error that wraps fs.ErrExist if the folder has files
// already.
func (s *Setup) Save(folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o750); err != nil {
		return fmt.Errorf("save setup: %w", err)
	}
	temporary, err := os.MkdirTemp(filepath.Dir(folder), filepath.Base(folder)+".new-*")
	if err != nil {
		return fmt.Errorf("save setup: %w", err)
	}
	err = errors.Join(
		writeFile(filepath.Join(temporary, ProvingFile), s.WriteProver),
		writeFile(filepath.Join(temporary, VerifyingFile), s.WriteVerifier),
	)
	if err == nil {
		// A folder with files is never replaced.
		err = os.Rename(temporary, folder)
	}
	if err != nil {
		if entries, readErr := os.ReadDir(folder); readErr == nil && len(entries) > 0 {
			err = fmt.Errorf("%w: %s has files", fs.ErrExist, folder)
		}
		return errors.Join(fmt.Errorf("save setup: %w", err), os.RemoveAll(temporary))
	}
	return nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(filepath.Clean(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	return errors.Join(write(w), w.Flush(), f.Sync(), f.Close())
}

// Load reads the setup that [Setup.Save] wrote. The error wraps fs.ErrNotExist if there is
// none and [ErrSetup] if it is damaged.
func Load(folder string) (*Setup, error) {
	verifying, err := readVerifying(folder)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(folder, ProvingFile))
	if err != nil {
		return nil, fmt.Errorf("load setup: %w", err)
	}
	s, err := ReadSetup(verifying, f)
	return s, errors.Join(err, f.Close())
}

func readVerifying(folder string) ([]byte, error) {
	f, err := os.Open(filepath.Join(folder, VerifyingFile))
	if err != nil {
		return nil, fmt.Errorf("load setup: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(VerifyingBytesMax)+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("load setup: %w", err)
	}
	return data, nil
}

// LoadDevelopment returns the setup in the folder, or makes a development setup of that size
// and keeps it there: see [NewDevelopment] about time and trust. It returns [ErrSetup] if the
// folder has a damaged setup, or one of another size or kind.
func LoadDevelopment(
	ctx context.Context, folder string, size int, onProgress Progress,
) (*Setup, error) {
	s, err := Load(folder)
	if errors.Is(err, fs.ErrNotExist) {
		if s, err = NewDevelopment(ctx, size, onProgress); err != nil {
			return nil, err
		}
		if err = s.Save(folder); errors.Is(err, fs.ErrExist) {
			s, err = Load(folder) // somebody else was faster
		}
	}
	if errors.Is(err, ErrSetup) {
		return nil, fmt.Errorf("%s: %w; remove the folder to make a new setup", folder, err)
	}
	if err != nil {
		return nil, err
	}
	if v := s.verifier; v.kind != SetupDevelopment || v.size != size {
		return nil, fmt.Errorf("%w: %s has a %s setup for %d elements instead of a development "+
			"setup for %d", ErrSetup, folder, v.kind, v.size, size)
	}
	return s, nil
}
