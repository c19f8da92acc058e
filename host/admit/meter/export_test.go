package meter

import "github.com/cerberus-host/cerberus/host/admit/wasm"

// RewriteExact is [Rewrite] with prices by which a run that ends without a trap is charged
// what its operators cost and nothing else.
func RewriteExact(code []byte, o Options) (Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Result{}, err
	}
	p := newPriceList()
	p.entry, p.fold = 0, 0
	return rewrite(code, o, p)
}

// Price is an operator's price.
func Price(op wasm.Op) int64 { return int64(*newPriceList().of(op)) }
