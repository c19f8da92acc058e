package state

import (
	"container/heap"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
)

// requestKey identifies a request: nobody may use the same nonce twice.
type requestKey struct {
	signer abi.Address
	nonce  string
}

// request is a remembered request: what it asked, by digest, and what was answered.
type request struct {
	key      requestKey
	digest   abi.Digest
	expiryMS int64
	response Response
}

// expiry orders remembered requests by the time at which they can be forgotten.
type expiry struct {
	expiryMS int64
	key      requestKey
}

// expiryHeap is a binary heap of expiries. Equal expiries leave it in any order; that is
// harmless, because all of them leave at the same entry.
type expiryHeap []expiry

func (h *expiryHeap) init() { heap.Init(h) }

// Len implements heap.Interface.
func (h *expiryHeap) Len() int { return len(*h) }

// Less implements heap.Interface.
func (h *expiryHeap) Less(i, j int) bool { return (*h)[i].expiryMS < (*h)[j].expiryMS }

// Swap implements heap.Interface.
func (h *expiryHeap) Swap(i, j int) { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }

// Push implements heap.Interface.
func (h *expiryHeap) Push(x any) {
	if e, ok := x.(expiry); ok {
		*h = append(*h, e)
	}
}

// Pop implements heap.Interface.
func (h *expiryHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// remember records the answer to a request, without its message: the text may change with
// a version, the state must not.
func (s *State) remember(cmd *command, resp Response) {
	resp.Message = ""
	s.requests[cmd.key] = &request{
		key: cmd.key, digest: cmd.digest, expiryMS: cmd.expiryMS, response: resp,
	}
	heap.Push(&s.expiries, expiry{cmd.expiryMS, cmd.key})
}

// replay answers a repetition.
func (r *request) replay() Response {
	resp := r.response
	resp.Replayed = true
	if resp.Code != CodeOK {
		resp.Message = fmt.Sprintf("the same request was refused as entry %d", resp.Index)
	}
	return resp
}

// forgetRequests drops the requests whose expiry is over: they are refused as expired.
func (s *State) forgetRequests() {
	for len(s.expiries) > 0 && s.expiries[0].expiryMS < s.nowMS {
		delete(s.requests, s.expiries[0].key)
		heap.Pop(&s.expiries)
	}
}
