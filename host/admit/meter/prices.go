package meter

import (
	"crypto/sha256"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/admit/wasm"
)

// Version names the rules by which a module is rewritten, prices aside. It changes when the
// same module would be charged at other places, or become other code.
const Version = "meter-1"

// Prices that are not an operator's, in units. One unit is about what the simplest operator
// costs.
const (
	// entryUnits is what the price of a call pays of the function's first stretch.
	entryUnits = 8
	// foldUnits is the price up to which an arm of an if is paid whether taken or not.
	foldUnits = 8
	// bytesShift says that a unit pays for 2 bytes that are copied or filled.
	bytesShift = 1
	// pageShift says that a page of memory that is asked for costs 32,768 units.
	pageShift = 15
)

// priceRow gives a range of operators a price in units.
type priceRow struct {
	first, last wasm.Op
	units       uint16
}

// priceRows are the prices that differ from the usual ones: 1, and 2 for vectors. Later rows
// override earlier ones. Prices follow what an operator costs in compiled code, with the
// canonical form of a computed float included, and are never 0 for one that does something,
// since an interpreter spends time on each.
//
//nolint:gochecknoglobals // never written
var priceRows = [...]priceRow{
	{0x00, 0x00, 0}, // unreachable: nothing runs any more
	{0x02, 0x02, 0}, // block
	{0x05, 0x05, 0}, // else
	{0x0b, 0x0b, 0}, // end
	{0x0e, 0x0e, 4}, // br_table
	{0x10, 0x10, 4 + entryUnits},
	{0x11, 0x11, 10 + entryUnits},
	{0x25, 0x25, 2},       // table.get
	{0x28, 0x35, 3},       // loads
	{0x36, 0x3e, 2},       // stores
	{0x3f, 0x3f, 4},       // memory.size
	{0x40, 0x40, 128},     // memory.grow leaves compiled code
	{0x6d, 0x70, 10},      // i32 division
	{0x7f, 0x82, 10},      // i64 division
	{0x8d, 0x90, 3},       // f32 rounding
	{0x91, 0x91, 12},      // f32.sqrt
	{0x92, 0x94, 3},       // f32 add, sub, mul
	{0x95, 0x95, 10},      // f32.div
	{0x96, 0x97, 5},       // f32 min, max
	{0x9b, 0x9e, 3},       // f64 rounding
	{0x9f, 0x9f, 16},      // f64.sqrt
	{0xa0, 0xa2, 3},       // f64 add, sub, mul
	{0xa3, 0xa3, 12},      // f64.div
	{0xa4, 0xa5, 5},       // f64 min, max
	{0xa8, 0xab, 4},       // i32.trunc
	{0xae, 0xb1, 4},       // i64.trunc
	{0xb2, 0xb5, 2},       // f32.convert
	{0xb6, 0xb6, 3},       // f32.demote
	{0xb7, 0xba, 2},       // f64.convert
	{0xbb, 0xbb, 3},       // f64.promote
	{0xd2, 0xd2, 256},     // ref.func leaves compiled code
	{0xfc00, 0xfc07, 5},   // saturating trunc
	{0xfc08, 0xfc08, 128}, // memory.init
	{0xfc09, 0xfc09, 8},   // data.drop
	{0xfc0a, 0xfc0b, 128}, // memory.copy, memory.fill
	{0xfc0d, 0xfc0d, 8},   // elem.drop

	{0xfd0000, 0xfd000b, 4}, // loads and stores
	{0xfd000d, 0xfd000e, 4}, // shuffle, swizzle
	{0xfd0054, 0xfd005d, 4}, // loads and stores of a lane
	{0xfd005e, 0xfd005f, 6}, // demote, promote
	{0xfd0062, 0xfd0062, 6}, // i8x16.popcnt
	{0xfd0067, 0xfd006a, 6}, // f32x4 rounding
	{0xfd006b, 0xfd006d, 8}, // i8x16 shifts
	{0xfd0074, 0xfd0075, 6}, // f64x2 rounding
	{0xfd007a, 0xfd007a, 6},
	{0xfd007c, 0xfd007f, 4}, // sums of pairs
	{0xfd0094, 0xfd0094, 6},
	{0xfd009c, 0xfd009f, 6},  // i16x8.extmul
	{0xfd00bc, 0xfd00bf, 6},  // i32x4.extmul
	{0xfd00cb, 0xfd00cd, 12}, // i64x2 shifts
	{0xfd00d5, 0xfd00d5, 8},  // i64x2.mul
	{0xfd00dc, 0xfd00df, 12}, // i64x2.extmul
	{0xfd00e3, 0xfd00e3, 16}, // f32x4.sqrt
	{0xfd00e4, 0xfd00e6, 6},
	{0xfd00e7, 0xfd00e7, 14}, // f32x4.div
	{0xfd00e8, 0xfd00e9, 10},
	{0xfd00ef, 0xfd00ef, 20}, // f64x2.sqrt
	{0xfd00f0, 0xfd00f2, 6},
	{0xfd00f3, 0xfd00f3, 16}, // f64x2.div
	{0xfd00f4, 0xfd00f5, 10},
	{0xfd00f8, 0xfd00ff, 10}, // conversions
}

// priceList gives the price of each operator.
type priceList struct {
	core, bulk, vector [256]uint16
	// entry and fold are entryUnits and foldUnits; with both zero, a run that ends without a
	// trap is charged exactly the prices of the operators that it ran.
	entry, fold int64
}

func newPriceList() *priceList {
	p := &priceList{entry: entryUnits, fold: foldUnits}
	for n := range p.core {
		p.core[n], p.bulk[n], p.vector[n] = 1, 1, 2
	}
	for _, row := range priceRows {
		for op := row.first; op <= row.last; op++ {
			*p.of(op) = row.units
		}
	}
	return p
}

// of returns the place of an operator's price.
func (p *priceList) of(op wasm.Op) *uint16 {
	switch {
	case op < 0x100:
		return &p.core[op]
	case op>>8 == wasm.PrefixBulk:
		return &p.bulk[op&0xff]
	default:
		return &p.vector[op&0xff]
	}
}

// CostDigest names the prices: every operator's and those of entries, arms, bytes and pages.
// Two nodes whose [Version] and CostDigest agree charge the same for the same run.
func CostDigest() abi.Digest {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "entry %d\nfold %d\nbytes %d\npage %d\n", entryUnits, foldUnits,
		bytesShift, pageShift)
	p := newPriceList()
	write := func(op wasm.Op) {
		if _, ok := wasm.Info(op); ok {
			_, _ = fmt.Fprintf(h, "%x %d\n", uint32(op), *p.of(op))
		}
	}
	for n := range wasm.Op(0x100) {
		write(n)
	}
	for n := range wasm.Op(0x100) {
		write(wasm.PrefixBulk<<8 | n)
	}
	for n := range wasm.Op(0x100) {
		write(wasm.PrefixVector<<16 | n)
	}
	return abi.Digest(h.Sum(nil))
}
