package raftstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// Formats inside the log file. Every value ends with or holds a CRC-32C that also covers
// its key, so that a value that turns up under another key is damage.
const (
	logFormatVersion = 1
	// recordHeaderBytes is the fixed part of a log record: version, type, two reserved
	// bytes, checksum, term, time, and the two lengths.
	recordHeaderBytes = 1 + 1 + 2 + 4 + 8 + 8 + 4 + 4
	recordVersion     = 1
	// recordBytesMax bounds a record; the library's own entries are small.
	recordBytesMax = 1 << 20
	checksumBytes  = 4
	// stableKeysMax and stableBytesMax bound the stable store: term, vote and candidate.
	stableKeysMax  = 64
	stableBytesMax = 4096
)

func castagnoli(parts ...[]byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	var sum uint32
	for _, p := range parts {
		sum = crc32.Update(sum, table, p)
	}
	return sum
}

// indexKey is the key of an entry: big endian, so that keys sort as numbers.
func indexKey(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

// encodeRecord returns the value of a log entry.
func encodeRecord(l *raft.Log) ([]byte, error) {
	n := recordHeaderBytes + len(l.Data) + len(l.Extensions)
	if n > recordBytesMax {
		return nil, fmt.Errorf("log entry %d has %d bytes, the most is %d", l.Index, n,
			recordBytesMax)
	}
	b := make([]byte, recordHeaderBytes, n)
	b[0] = recordVersion
	b[1] = byte(l.Type)
	binary.BigEndian.PutUint64(b[8:], l.Term)
	if !l.AppendedAt.IsZero() {
		binary.BigEndian.PutUint64(b[16:], uint64(l.AppendedAt.UnixNano()))
	}
	binary.BigEndian.PutUint32(b[24:], uint32(len(l.Data)))
	binary.BigEndian.PutUint32(b[28:], uint32(len(l.Extensions)))
	b = append(append(b, l.Data...), l.Extensions...)
	binary.BigEndian.PutUint32(b[4:], castagnoli(indexKey(l.Index), b))
	return b, nil
}

// decodeRecord reads the value of an entry into l, which owns copies of its bytes.
func decodeRecord(index uint64, b []byte, l *raft.Log) error {
	if len(b) < recordHeaderBytes || len(b) > recordBytesMax {
		return fmt.Errorf("%w: log entry %d has %d bytes", ErrCorrupt, index, len(b))
	}
	header := [recordHeaderBytes]byte(b)
	sum := binary.BigEndian.Uint32(header[4:])
	clear(header[4:8])
	if castagnoli(indexKey(index), header[:], b[recordHeaderBytes:]) != sum {
		return fmt.Errorf("%w: log entry %d has a wrong checksum", ErrCorrupt, index)
	}
	dataBytes := uint64(binary.BigEndian.Uint32(b[24:]))
	extBytes := uint64(binary.BigEndian.Uint32(b[28:]))
	if b[0] != recordVersion || b[2] != 0 || b[3] != 0 ||
		dataBytes+extBytes != uint64(len(b)-recordHeaderBytes) {
		return fmt.Errorf("%w: log entry %d is of another version", ErrCorrupt, index)
	}
	*l = raft.Log{
		Index: index, Type: raft.LogType(b[1]), Term: binary.BigEndian.Uint64(b[8:]),
	}
	if ns := binary.BigEndian.Uint64(b[16:]); ns != 0 {
		l.AppendedAt = time.Unix(0, int64(ns))
	}
	body := slices.Clone(b[recordHeaderBytes:])
	l.Data = body[:dataBytes:dataBytes]
	if extBytes > 0 {
		l.Extensions = body[dataBytes:]
	}
	return nil
}

// bounds are the first and last index of the log, both 0 if it is empty.
type bounds struct{ first, last uint64 }

func (b bounds) empty() bool { return b.last == 0 }

func (b bounds) encode() []byte {
	v := binary.BigEndian.AppendUint64(indexKey(b.first), b.last)
	return binary.BigEndian.AppendUint32(v, castagnoli([]byte(keyBounds), v))
}

func decodeBounds(v []byte) (bounds, error) {
	if len(v) != 16+checksumBytes ||
		binary.BigEndian.Uint32(v[16:]) != castagnoli([]byte(keyBounds), v[:16]) {
		return bounds{}, fmt.Errorf("%w: the bounds of the log", ErrCorrupt)
	}
	b := bounds{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}
	if b.first > b.last || (b.first == 0) != (b.last == 0) {
		return bounds{}, fmt.Errorf("%w: the bounds of the log", ErrCorrupt)
	}
	return b, nil
}

// encodeStable writes the whole stable store as one value: a key that got lost would be
// taken for a vote that was never given.
func encodeStable(m map[string][]byte) ([]byte, error) {
	v := binary.BigEndian.AppendUint32(nil, uint32(len(m)))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		v = binary.BigEndian.AppendUint32(v, uint32(len(k)))
		v = append(v, k...)
		v = binary.BigEndian.AppendUint32(v, uint32(len(m[k])))
		v = append(v, m[k]...)
	}
	if len(m) > stableKeysMax || len(v) > stableBytesMax {
		return nil, fmt.Errorf("the stable store has %d keys and %d bytes", len(m), len(v))
	}
	return binary.BigEndian.AppendUint32(v, castagnoli([]byte(keyStable), v)), nil
}

func decodeStable(v []byte) (map[string][]byte, error) {
	damaged := fmt.Errorf("%w: the stable store", ErrCorrupt)
	n := len(v) - checksumBytes
	if n < 4 || n > stableBytesMax ||
		binary.BigEndian.Uint32(v[n:]) != castagnoli([]byte(keyStable), v[:n]) {
		return nil, damaged
	}
	v = v[:n]
	count := binary.BigEndian.Uint32(v)
	v = v[4:]
	field := func() ([]byte, bool) {
		if len(v) < 4 || uint64(binary.BigEndian.Uint32(v)) > uint64(len(v)-4) {
			return nil, false
		}
		n := 4 + int(binary.BigEndian.Uint32(v))
		f := slices.Clone(v[4:n])
		v = v[n:]
		return f, true
	}
	m := map[string][]byte{}
	last := ""
	for i := range count {
		k, ok := field()
		val, ok2 := field()
		if !ok || !ok2 || i >= stableKeysMax || (i > 0 && string(k) <= last) {
			return nil, damaged
		}
		last = string(k)
		m[last] = val
	}
	if len(v) != 0 {
		return nil, damaged
	}
	return m, nil
}
