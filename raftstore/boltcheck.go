package raftstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"os"
)

// Layout of a bbolt file. Integers are in the machine's byte order, hence a file belongs
// to one kind of machine. A page begins with its number (8 bytes), flags (2), count of
// elements (2) and number of pages that follow it (4).
const (
	pageHeaderBytes = 16
	pageBranch      = 1
	pageLeaf        = 2
	elementBytes    = 16
	bucketElement   = 1
	bucketBytes     = 16
	// The meta has 64 bytes behind the page's header; the last 8 are an FNV-1a sum.
	metaBytes      = 64
	metaMagic      = 0xED0CDAED
	pageBytesMin   = 1 << 10
	pageBytesMax   = 64 << 10
	pageDepthMax   = 32
	noFreelist     = math.MaxUint64
	followPagesMax = recordBytesMax/pageBytesMin + 1
)

// boltMeta is what the check needs of a meta page.
type boltMeta struct {
	pageBytes      uint32
	root, freelist uint64
	// pages is how many pages of the file are in use or free.
	pages  uint64
	commit uint64
}

// boltCheck walks the pages of a bbolt file without trusting any of them. bbolt itself has
// no checksum but on the meta pages: with a damaged number it panics, loops or reads
// beyond the file.
type boltCheck struct {
	f    *os.File
	meta boltMeta
	seen map[uint64]bool
}

func damagedPage(page uint64, what string) error {
	return fmt.Errorf("%w: page %d: %s", ErrCorrupt, page, what)
}

// verifyPages checks both meta pages and that the pages below the root form a tree whose
// elements lie inside them.
//
// A file of which one meta page is damaged is refused. bbolt would fall back to the other
// page, which is the state before the last commit, and an acknowledged entry would be
// gone. A crash does not leave this: a meta is smaller than a disk's sector.
func verifyPages(path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	first, err := readMeta(f, 0, 0)
	if err != nil {
		return err
	}
	second, err := readMeta(f, 1, first.pageBytes)
	if err != nil {
		return err
	}
	if first.pageBytes != second.pageBytes ||
		(first.commit+1 != second.commit && second.commit+1 != first.commit) {
		return damagedPage(0, "the meta pages do not go together")
	}
	newest := first
	if second.commit > first.commit {
		newest = second
	}
	if newest.freelist != noFreelist || newest.pages > uint64(info.Size())/uint64(newest.pageBytes) {
		return damagedPage(newest.commit%2, "the file is shorter than it says")
	}
	c := &boltCheck{f: f, meta: newest, seen: map[uint64]bool{}}
	return c.tree(newest.root, 0)
}

// readMeta reads and checks one of the two meta pages.
func readMeta(f *os.File, page uint64, pageBytes uint32) (boltMeta, error) {
	b := make([]byte, pageHeaderBytes+metaBytes)
	if _, err := f.ReadAt(b, int64(page)*int64(pageBytes)); err != nil {
		return boltMeta{}, errors.Join(damagedPage(page, "it is missing"), err)
	}
	m, u32, u64 := b[pageHeaderBytes:], binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	sum := fnv.New64a()
	_, _ = sum.Write(m[:metaBytes-8])
	meta := boltMeta{
		pageBytes: u32(m[8:]), root: u64(m[16:]), freelist: u64(m[32:]), pages: u64(m[40:]),
		commit: u64(m[48:]),
	}
	if u32(m) != metaMagic || u64(m[metaBytes-8:]) != sum.Sum64() || u64(b) != page ||
		meta.pageBytes < pageBytesMin || meta.pageBytes > pageBytesMax {
		return boltMeta{}, damagedPage(page, "the meta has a wrong checksum")
	}
	return meta, nil
}

// tree checks a page and everything below it.
func (c *boltCheck) tree(page uint64, depth int) error {
	b, err := c.read(page)
	if err != nil {
		return err
	}
	if depth > pageDepthMax {
		return damagedPage(page, "the tree is too deep")
	}
	return c.elements(page, b, depth)
}

// read returns a page with those that follow it, each at most once.
func (c *boltCheck) read(page uint64) ([]byte, error) {
	size := int64(c.meta.pageBytes)
	header := make([]byte, pageHeaderBytes)
	if page < 2 || page >= c.meta.pages {
		return nil, damagedPage(page, "it is no page of the file")
	}
	if _, err := c.f.ReadAt(header, int64(page)*size); err != nil {
		return nil, err
	}
	follow := uint64(binary.NativeEndian.Uint32(header[12:]))
	if binary.NativeEndian.Uint64(header) != page || follow > followPagesMax ||
		page+follow >= c.meta.pages {
		return nil, damagedPage(page, "its header is malformed")
	}
	for p := page; p <= page+follow; p++ {
		if c.seen[p] {
			return nil, damagedPage(p, "it is there twice")
		}
		c.seen[p] = true
	}
	b := make([]byte, int64(follow+1)*size)
	if _, err := c.f.ReadAt(b, int64(page)*size); err != nil {
		return nil, err
	}
	return b, nil
}

// elements checks the elements of a page, which may be one inside a bucket's value.
func (c *boltCheck) elements(page uint64, b []byte, depth int) error {
	if len(b) < pageHeaderBytes {
		return damagedPage(page, "it is too short")
	}
	flags := binary.NativeEndian.Uint16(b[8:])
	count := int(binary.NativeEndian.Uint16(b[10:]))
	if pageHeaderBytes+count*elementBytes > len(b) || (flags != pageBranch && flags != pageLeaf) ||
		(flags == pageBranch && count == 0) {
		return damagedPage(page, "its header is malformed")
	}
	for i := range count {
		e := b[pageHeaderBytes+i*elementBytes:]
		var err error
		if flags == pageBranch {
			err = c.branchElement(page, e, depth)
		} else {
			err = c.leafElement(page, e, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *boltCheck) branchElement(page uint64, e []byte, depth int) error {
	u32 := binary.NativeEndian.Uint32
	if uint64(u32(e))+uint64(u32(e[4:])) > uint64(len(e)) {
		return damagedPage(page, "a key lies outside of it")
	}
	return c.tree(binary.NativeEndian.Uint64(e[8:]), depth+1)
}

func (c *boltCheck) leafElement(page uint64, e []byte, depth int) error {
	u32 := binary.NativeEndian.Uint32
	start := uint64(u32(e[4:])) + uint64(u32(e[8:]))
	if start+uint64(u32(e[12:])) > uint64(len(e)) {
		return damagedPage(page, "a value lies outside of it")
	}
	value := e[start : start+uint64(u32(e[12:]))]
	switch u32(e) {
	case 0:
		return nil
	case bucketElement:
	default:
		return damagedPage(page, "an element is of an unknown kind")
	}
	if depth > pageDepthMax || len(value) < bucketBytes {
		return damagedPage(page, "a bucket is malformed")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return c.tree(root, depth+1)
	}
	// A small bucket is a page inside the value, which may be of leaves only.
	inner := value[bucketBytes:]
	if len(inner) < pageHeaderBytes || binary.NativeEndian.Uint16(inner[8:]) != pageLeaf ||
		binary.NativeEndian.Uint32(inner[12:]) != 0 {
		return damagedPage(page, "a bucket is malformed")
	}
	return c.elements(page, inner, depth+1)
}
