package raftstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	raftlogv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/raftlog/v1"
	"github.com/cerberus-host/cerberus/raftstore/state"
)

// BenchmarkPropose measures durable commands of about 256 bytes by a number of clients
// that each wait for an answer before the next one.
func BenchmarkPropose(b *testing.B) {
	for _, clients := range []int{1, 64, 256, 1024} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			n := openNode(b, testConfig(b, b.TempDir()))
			s := &scenario{node: n, acked: func(int, state.Response) {}}
			if err := s.run(); err != nil {
				b.Fatal(err)
			}
			c := &commander{}
			c.nonce.Store(1000)
			propose(b, n, c.request(nodeAddr), benchTask())
			ctx := context.Background()
			var next atomic.Int64
			times := make([]time.Duration, b.N)
			var wg sync.WaitGroup
			b.ResetTimer()
			for range clients {
				wg.Go(func() {
					for {
						i := int(next.Add(1)) - 1
						if i >= b.N {
							return
						}
						cmd := command(b, c.request(nodeAddr), benchTask())
						start := time.Now()
						if _, err := n.Propose(ctx, cmd); err != nil {
							b.Error(err)
							return
						}
						times[i] = time.Since(start)
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			entry, err := state.EncodeCommand(command(b, c.request(nodeAddr), benchTask()), startMS)
			if err != nil {
				b.Fatal(err)
			}
			slices.Sort(times)
			b.ReportMetric(float64(len(entry)), "entry-bytes")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "cmds/s")
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// benchTask is a submission; repeated, it names the task that is there already, so that
// the state does not grow with the number of commands.
func benchTask() *raftlogv1.SubmitTask {
	kind := func(k raftlogv1.BlobKind) []byte { return digestOf(k.String()) }
	return &raftlogv1.SubmitTask{
		TaskId: digestOf("bench"), Brain: 1,
		ModuleDigest: kind(raftlogv1.BlobKind_BLOB_KIND_MODULE), Client: nodeAddr[:],
		Inputs: []*raftlogv1.NamedDigest{{
			Name: "text", Digest: kind(raftlogv1.BlobKind_BLOB_KIND_CIPHERTEXT),
		}},
		IdempotencyKey: make([]byte, 59),
	}
}

// BenchmarkRead measures linearizable reads.
func BenchmarkRead(b *testing.B) {
	n := openNode(b, testConfig(b, b.TempDir()))
	propose(b, n, (&commander{}).request(nodeAddr), bootstrapBody())
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := n.Read(b.Context(), func(*state.View) error { return nil }); err != nil {
				b.Error(err)
			}
		}
	})
}
