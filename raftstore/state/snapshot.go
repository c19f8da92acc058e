package state

import (
	"bytes"
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/cerberus-host/cerberus/abi"
)

const (
	// SnapshotVersion is the version of the canonical form that Encode writes. Version 2
	// added attestations.
	SnapshotVersion = 2
	// snapshotOldest is the oldest version that Decode reads.
	snapshotOldest = 1
	// snapshotAttested is the first version with attestations.
	snapshotAttested = 2
)

// snapshotMagic begins every encoded state.
const snapshotMagic = "CERBSTAT"

// image is a state as sorted lists: what is written and read.
type image struct {
	index     Index
	nowMS     int64
	clusterID string
	policy    Policy
	setup     Setup
	totals    Totals
	accounts  []Account
	blobs     []*Blob
	brains    []*Brain
	tasks     []*Task
	requests  []*request
	conducts  []*Conduct
}

// Encode writes the canonical form: the same state gives the same bytes on every
// machine. It ends with the SHA-256 of everything before.
func (f *Frozen) Encode(w io.Writer) error { return f.encodeAs(w, SnapshotVersion) }

// encodeAs writes a version. An older one leaves out what it does not know.
func (f *Frozen) encodeAs(w io.Writer, version uint16) error {
	c := newEncoder(w, version)
	im := f.image()
	im.code(c)
	return c.finish()
}

// image sorts the tables.
func (f *Frozen) image() *image {
	im := &image{
		index: f.index, nowMS: f.nowMS, clusterID: f.clusterID, policy: f.policy,
		setup: f.setup, totals: f.totals,
		accounts: sortedAccounts(f.roles),
		blobs:    make([]*Blob, 0, len(f.blobs)),
		brains:   make([]*Brain, 0, len(f.brains)),
		tasks:    make([]*Task, 0, len(f.tasks)),
		requests: make([]*request, 0, len(f.requests)),
		conducts: make([]*Conduct, 0, len(f.conducts)),
	}
	for _, b := range f.blobs {
		im.blobs = append(im.blobs, b)
	}
	for _, b := range f.brains {
		im.brains = append(im.brains, b)
	}
	for _, t := range f.tasks {
		im.tasks = append(im.tasks, t)
	}
	for _, r := range f.requests {
		im.requests = append(im.requests, r)
	}
	for _, k := range f.conducts {
		im.conducts = append(im.conducts, k)
	}
	slices.SortFunc(im.blobs, compareBlobs)
	slices.SortFunc(im.brains, compareBrains)
	slices.SortFunc(im.tasks, compareTasks)
	slices.SortFunc(im.requests, compareRequests)
	slices.SortFunc(im.conducts, compareConducts)
	return im
}

func compareAccounts(a, b Account) int { return bytes.Compare(a.Address[:], b.Address[:]) }
func compareBlobs(a, b *Blob) int      { return bytes.Compare(a.Digest[:], b.Digest[:]) }
func compareBrains(a, b *Brain) int    { return cmp.Compare(a.ID, b.ID) }
func compareConducts(a, b *Conduct) int {
	return bytes.Compare(a.Address[:], b.Address[:])
}
func compareTasks(a, b *Task) int { return cmp.Compare(a.SubmitIndex, b.SubmitIndex) }

func compareRequests(a, b *request) int {
	return cmp.Or(bytes.Compare(a.key.signer[:], b.key.signer[:]),
		strings.Compare(a.key.nonce, b.key.nonce))
}

// Decode reads what [Frozen.Encode] wrote, to the end of r. It is strict: damage, another
// order, trailing bytes and broken invariants are ErrSnapshot; read errors are returned
// as they are. Memory grows with what was read, not with the lengths that it claims. It also
// reads version 1, which has no attestations: no task of it asked for a proof.
func Decode(r io.Reader) (*State, error) {
	c := newDecoder(r)
	im := &image{}
	im.code(c)
	if err := c.finish(); err != nil {
		return nil, err
	}
	im.checkOrder(c)
	if c.err != nil {
		return nil, c.err
	}
	s := New()
	s.index, s.nowMS, s.clusterID, s.policy = im.index, im.nowMS, im.clusterID, im.policy
	s.setup, s.totals = im.setup, im.totals
	for _, k := range im.conducts {
		s.conducts[k.Address] = k
	}
	for _, a := range im.accounts {
		s.roles[a.Address] = a.Roles
	}
	for _, b := range im.blobs {
		s.blobs[b.Digest] = b
	}
	for _, b := range im.brains {
		s.brains[b.ID] = b
	}
	for _, t := range im.tasks {
		s.tasks[t.ID] = t
	}
	for _, q := range im.requests {
		s.requests[q.key] = q
	}
	if len(s.tasks) != len(im.tasks) {
		c.failf("a task id is there twice")
		return nil, c.err
	}
	s.rebuild()
	if err := s.Check(); err != nil {
		return nil, err
	}
	return s, nil
}

// checkOrder refuses lists that are not strictly ascending.
func (im *image) checkOrder(c *coder) {
	ascending(c, "accounts", im.accounts, compareAccounts)
	ascending(c, "blobs", im.blobs, compareBlobs)
	ascending(c, "brains", im.brains, compareBrains)
	ascending(c, "tasks", im.tasks, compareTasks)
	ascending(c, "requests", im.requests, compareRequests)
	ascending(c, "conducts", im.conducts, compareConducts)
}

func ascending[T any](c *coder, name string, v []T, compare func(a, b T) int) {
	for i := 1; i < len(v); i++ {
		if compare(v[i-1], v[i]) >= 0 {
			c.failf("the %s are not in order", name)
			return
		}
	}
}

func (im *image) code(c *coder) {
	magic := []byte(snapshotMagic)
	c.fixed(magic)
	c.u16(&c.version)
	if c.err == nil && (string(magic) != snapshotMagic || c.version < snapshotOldest ||
		c.version > SnapshotVersion) {
		c.failf("it is no state of version %d to %d", snapshotOldest, SnapshotVersion)
	}
	c.index(&im.index)
	c.time(&im.nowMS)
	c.str(&im.clusterID, abi.NameBytesMax)
	codePolicy(c, &im.policy)
	list(c, &im.accounts, AccountsMax, codeAccount)
	list(c, &im.blobs, BlobsMax, pointer(codeBlob))
	list(c, &im.brains, abi.BrainsMax, pointer(codeBrain))
	list(c, &im.tasks, TasksMax, pointer(codeTask))
	list(c, &im.requests, RequestsMax, pointer(codeRequest))
	if c.version >= snapshotAttested {
		codeSetup(c, &im.setup)
		codeTotals(c, &im.totals)
		list(c, &im.conducts, ConductsMax, pointer(codeConduct))
	}
}

// pointer makes the function of a record serve a list of pointers to it.
func pointer[T any](code func(*coder, *T)) func(*coder, **T) {
	return func(c *coder, v **T) {
		if *v == nil {
			*v = new(T)
		}
		code(c, *v)
	}
}

func codePolicy(c *coder, p *Policy) {
	c.u32(&p.LiveTasksPerClientMax)
	c.u32(&p.LiveTasksMax)
	c.u32(&p.AttemptsMax)
	c.u64(&p.BlobBytesPerOwnerMax)
	c.boolean(&p.OpenClients)
	if c.version >= snapshotAttested {
		codeProofPolicy(c, p)
		return
	}
	if c.reading {
		d := defaultPolicy()
		p.VerdictQuorum, p.ProofAttemptsMax = d.VerdictQuorum, d.ProofAttemptsMax
		p.ProofDeadlineMS, p.VerdictDeadlineMS = d.ProofDeadlineMS, d.VerdictDeadlineMS
	}
}

func codeAccount(c *coder, a *Account) {
	c.fixed(a.Address[:])
	c.u8((*uint8)(&a.Roles))
}

func codeBlob(c *coder, b *Blob) {
	c.fixed(b.Digest[:])
	c.u64(&b.SizeBytes)
	c.u16((*uint16)(&b.Kinds))
	c.fixed(b.Owner[:])
	c.time(&b.ExpiresMS)
	c.time(&b.CommittedMS)
}

func codeBrain(c *coder, b *Brain) {
	c.u16((*uint16)(&b.ID))
	c.str(&b.Name, abi.NameBytesMax)
	c.fixed(b.Author[:])
	c.boolean(&b.Retired)
	c.index(&b.ChangeIndex)
	list(c, &b.Versions, VersionsMax, codeVersion)
}

func codeVersion(c *coder, v *Version) {
	c.fixed(v.Module[:])
	c.fixed(v.Manifest[:])
	c.fixed(v.Model[:])
	c.str(&v.Params, abi.NameBytesMax)
	c.str(&v.Name, abi.NameBytesMax)
	c.fixed(v.Author[:])
	c.u8((*uint8)(&v.State))
	c.time(&v.RegisteredMS)
	c.index(&v.RegisterIndex)
	list(c, &v.Variants, abi.PublicCombinationsMax, codeVariant)
}

func codeVariant(c *coder, v *Variant) {
	codeArgs(c, &v.Args)
	c.fixed(v.Program[:])
	c.fixed(v.Plan[:])
	list(c, &v.Constants, ConstantsMax, func(c *coder, d *abi.Digest) { c.fixed(d[:]) })
	c.boolean(&v.NeedsKeys)
}

func codeArgs(c *coder, args *abi.Args) {
	list(c, (*[]abi.Arg)(args), ArgsMax, func(c *coder, a *abi.Arg) {
		c.str(&a.Name, abi.NameBytesMax)
		c.str(&a.Value, abi.NameBytesMax)
	})
}

func codeNamedBlob(c *coder, b *NamedBlob) {
	c.str(&b.Name, abi.NameBytesMax)
	c.fixed(b.Digest[:])
}

func codeTask(c *coder, t *Task) {
	c.fixed(t.ID[:])
	c.u16((*uint16)(&t.Brain))
	c.fixed(t.Module[:])
	c.fixed(t.Program[:])
	c.fixed(t.Plan[:])
	codeArgs(c, &t.Args)
	list(c, &t.Inputs, abi.InputsMax, codeNamedBlob)
	c.fixed(t.KeySet[:])
	c.fixed(t.Client[:])
	c.str(&t.IdempotencyKey, IdempotencyKeyBytesMax)
	c.u8((*uint8)(&t.State))
	c.u32(&t.Attempts)
	codeLease(c, &t.Lease)
	codeFailure(c, &t.Failure)
	c.time(&t.SubmittedMS)
	c.time(&t.LeasedMS)
	c.time(&t.EndedMS)
	c.index(&t.SubmitIndex)
	c.index(&t.ChangeIndex)
	codeResult(c, &t.Result)
	if c.version >= snapshotAttested {
		codeAttestation(c, &t.Attestation)
	}
}

func codeResult(c *coder, r *Result) {
	list(c, &r.Outputs, abi.OutputsMax, codeNamedBlob)
	list(c, &r.Timings, TimingsMax, codeTiming)
	list(c, &r.Counters, CountersMax, func(c *coder, x *Counter) {
		c.str(&x.Name, abi.NameBytesMax)
		c.u64(&x.Value)
	})
	c.str(&r.Engine, abi.NameBytesMax)
}

func codeTiming(c *coder, x *Timing) {
	c.str(&x.Name, abi.NameBytesMax)
	c.u64(&x.Micros)
}

func codeLease(c *coder, l *Lease) {
	c.fixed(l.Node[:])
	c.index(&l.Fence)
	c.time(&l.DeadlineMS)
}

func codeFailure(c *coder, f *Failure) {
	c.u8((*uint8)(&f.Code))
	c.str(&f.Message, FailureBytesMax)
}

func codeRequest(c *coder, r *request) {
	c.fixed(r.key.signer[:])
	c.str(&r.key.nonce, NonceBytesMax)
	c.fixed(r.digest[:])
	c.time(&r.expiryMS)
	c.index(&r.response.Index)
	c.u16((*uint16)(&r.response.Code))
	c.str(&r.response.Field, abi.NameBytesMax)
	c.u16((*uint16)(&r.response.Brain))
	c.fixed(r.response.Task[:])
	c.index(&r.response.Fence)
	c.u32(&r.response.Count)
	c.boolean(&r.response.Existing)
}
