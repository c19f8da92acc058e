package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// needle is a byte string that is looked for.
type needle struct {
	name  string
	bytes []byte
}

// scanBlockBytes is how much is read at once.
const scanBlockBytes = 1 << 20

// scan reads r to its end and adds the names of the needles that it finds to found. Blocks
// overlap, so that no border hides a needle.
func scan(r io.Reader, needles []needle, where string, found map[string][]string) error {
	overlap := 0
	for _, n := range needles {
		overlap = max(overlap, len(n.bytes)-1)
	}
	buf := make([]byte, overlap+scanBlockBytes)
	kept := 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		block := buf[:kept+n]
		for _, x := range needles {
			if bytes.Contains(block, x.bytes) {
				found[x.name] = append(found[x.name], where)
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return nil
			}
			return err
		}
		kept = min(overlap, len(block))
		copy(buf, block[len(block)-kept:])
	}
}

// scanFolder scans the content and the name of every file below a folder.
func scanFolder(root string, needles []needle, found map[string][]string) (files int, err error) {
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // the node removed it meanwhile
			}
			return err
		}
		if err := scan(strings.NewReader(e.Name()), needles, "name of "+path, found); err != nil {
			return err
		}
		if !e.Type().IsRegular() {
			return nil
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		files++
		return errors.Join(scan(f, needles, path, found), f.Close())
	})
	return files, err
}

// mapping is a readable range of a process's memory.
type mapping struct {
	from, to int64
	name     string
}

// scanMemory scans every readable mapping of a process that is not a file's, and returns
// the bytes that it read.
func scanMemory(pid int, needles []needle, found map[string][]string) (read int64, err error) {
	maps, err := mappings(pid)
	if err != nil {
		return 0, err
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, mem.Close()) }()
	for _, m := range maps {
		counted := &counter{r: io.NewSectionReader(mem, m.from, m.to-m.from)}
		where := fmt.Sprintf("memory %x-%x %s", m.from, m.to, m.name)
		// A mapping may be gone or unreadable by now; what matters is that most are read.
		_ = scan(counted, needles, where, found)
		read += counted.n
	}
	return read, nil
}

func mappings(pid int) (_ []mapping, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var out []mapping
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// from-to mode offset device inode name
		fields := strings.Fields(lines.Text())
		from, to, ok := strings.Cut(fields[0], "-")
		if len(fields) < 5 || !ok {
			return nil, fmt.Errorf("unknown line %q", lines.Text())
		}
		m := mapping{name: strings.Join(fields[5:], " ")}
		if m.from, err = strconv.ParseInt(from, 16, 64); err != nil {
			continue // above 2^63: the kernel's own page
		}
		if m.to, err = strconv.ParseInt(to, 16, 64); err != nil {
			continue
		}
		if fields[1][0] == 'r' && m.name != "[vvar]" && m.name != "[vsyscall]" {
			out = append(out, m)
		}
	}
	return out, lines.Err()
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
