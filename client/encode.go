package client

import (
	"context"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	"github.com/cerberus-host/cerberus/host/hostcall"
)

// encoded is a request on its way: the numbers to encrypt and the Plan to encrypt for.
type encoded struct {
	*derived
	args   abi.Args
	inputs map[string][]float64
}

// encode checks the request against the schema, copies the public arguments out of it and
// runs the module's encode in the sandbox.
func (b *Brain) encode(ctx context.Context, request []byte) (*encoded, error) {
	req, err := hostcall.ParseRequest(b.manifest, request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	args, err := hostcall.PublicArgs(b.manifest, req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	inputs, err := b.sandbox.RunEncode(ctx, args, req)
	if err != nil {
		return nil, fmt.Errorf("%w: encode: %w", ErrRefused, err)
	}
	d, err := b.derive(ctx, args)
	if err != nil {
		return nil, err
	}
	return &encoded{derived: d, args: args, inputs: inputs}, nil
}

// PublicArguments tells what of a request would leave this machine in clear, before
// anything does.
func (b *Brain) PublicArguments(request []byte) (abi.Args, error) {
	req, err := hostcall.ParseRequest(b.manifest, request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	args, err := hostcall.PublicArgs(b.manifest, req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	return args, nil
}

// decode runs the module's decode in the sandbox.
func (b *Brain) decode(
	ctx context.Context, args abi.Args, values map[string][]float64,
) (hostcall.Answer, error) {
	answer, err := b.sandbox.RunDecode(ctx, args, values)
	if err != nil {
		return hostcall.Answer{}, fmt.Errorf("%w: decode: %w", ErrRefused, err)
	}
	return answer, nil
}
