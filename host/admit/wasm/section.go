package wasm

// SectionID is the number of a section.
type SectionID byte

// The sections of Core 2.0.
const (
	SectionCustom SectionID = iota
	SectionType
	SectionImport
	SectionFunction
	SectionTable
	SectionMemory
	SectionGlobal
	SectionExport
	SectionStart
	SectionElement
	SectionCode
	SectionData
	SectionDataCount
)

// HeaderBytes is the length of a module's header.
const HeaderBytes = 8

// header is what every module begins with: the magic bytes and version 1.
const header = "\x00asm\x01\x00\x00\x00"

// String returns the section's name, as errors have it.
func (id SectionID) String() string {
	names := [...]string{
		"custom", "type", "import", "function", "table", "memory", "global", "export", "start",
		"element", "code", "data", "data count",
	}
	if int(id) < len(names) {
		return names[id]
	}
	return "unknown"
}

// rank is the place of a section in a module: the data count stands before the code.
func (id SectionID) rank() int {
	if id == SectionDataCount {
		return 2*int(SectionCode) - 1
	}
	return 2 * int(id)
}

// Section is a section of a module.
type Section struct {
	ID SectionID
	// Start is the offset of the byte with the section's number.
	Start int
	// Reader is at the section's content, for custom sections behind the name.
	Reader Reader
}

// Sections walks the sections of a module.
type Sections struct {
	reader Reader
	rank   int
}

// Open checks the header of a module. It keeps the module and never writes to it.
func Open(module []byte) (*Sections, error) {
	s := &Sections{reader: NewReader(module, 0, len(module), "header")}
	if len(module) < HeaderBytes || string(module[:HeaderBytes]) != header {
		return nil, s.reader.errorf("this is not a WebAssembly module of version 1")
	}
	s.reader.pos = HeaderBytes
	return s, nil
}

// More reports whether there is another section.
func (s *Sections) More() bool { return s.reader.Left() > 0 }

// Next returns the next section and steps over it.
func (s *Sections) Next() (Section, error) {
	r := &s.reader
	r.section = "header"
	start := r.pos
	b, err := r.Byte()
	if err != nil {
		return Section{}, err
	}
	id := SectionID(b)
	if id > SectionDataCount {
		return Section{}, r.unknown(start, "section %d", b)
	}
	r.section = id.String()
	size, err := r.Count("bytes", 1)
	if err != nil {
		return Section{}, err
	}
	section := Section{ID: id, Start: start, Reader: NewReader(r.data, r.pos, r.pos+size, r.section)}
	r.pos += size
	if id == SectionCustom {
		_, err := section.Reader.Name()
		return section, err
	}
	if id.rank() <= s.rank {
		r.pos = start
		return Section{}, r.errorf("is repeated or out of order")
	}
	s.rank = id.rank()
	return section, nil
}
