package brain

// The exports that the host looks for. The marker does nothing: that it is there says which
// ABI the module was built for, and that this SDK was linked in.

//go:wasmexport cerberus_abi_v1
func exportMarker() {}

//go:wasmexport encode
func exportEncode() { report(RunEncode(guestHost{}, served)) }

//go:wasmexport infer
func exportInfer() { report(RunInfer(guestHost{}, served)) }

//go:wasmexport decode
func exportDecode() { report(RunDecode(guestHost{}, served)) }

// failBytesMax is what the host keeps of an error message.
const failBytesMax = 512

// report tells the host about an error. A panic does not come here: it ends the guest and
// the host turns that into an error of its own.
func report(err error) {
	if err == nil {
		return
	}
	text := err.Error()
	guestHost{}.Fail(text[:min(len(text), failBytesMax)])
}
