package identity

import (
	"encoding/binary"
	"fmt"
	"os"
)

// spool keeps polynomials in a temporary file. Reads are safe for concurrent use.
type spool struct {
	file *os.File
	n    int
}

// newSpool makes a file in dir, or where the system keeps such files. Where the system lets
// it, the file has no name any more, so that it goes with the process.
func newSpool(dir string, n int) (*spool, error) {
	file, err := os.CreateTemp(dir, "cerberus-witness-*")
	if err != nil {
		return nil, fmt.Errorf("spool the witness: %w", err)
	}
	_ = os.Remove(file.Name()) // else close does
	return &spool{file: file, n: n}, nil
}

func (s *spool) write(at int, coeffs []int64) error {
	data := make([]byte, 0, 8*s.n)
	for _, c := range coeffs {
		data = binary.LittleEndian.AppendUint64(data, uint64(c))
	}
	if _, err := s.file.WriteAt(data, int64(at)*int64(len(data))); err != nil {
		return fmt.Errorf("spool the witness: %w", err)
	}
	return nil
}

func (s *spool) read(at int) ([]int64, error) {
	data := make([]byte, 8*s.n)
	if _, err := s.file.ReadAt(data, int64(at)*int64(len(data))); err != nil {
		return nil, fmt.Errorf("read the witness: %w", err)
	}
	out := make([]int64, s.n)
	for i := range out {
		out[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return out, nil
}

func (s *spool) close() error {
	err := s.file.Close()
	if removed := os.Remove(s.file.Name()); removed != nil && !os.IsNotExist(removed) && err == nil {
		err = removed
	}
	if err != nil {
		return fmt.Errorf("close the spooled witness: %w", err)
	}
	return nil
}
