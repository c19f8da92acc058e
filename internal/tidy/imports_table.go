package tidy

// Full paths of the libraries that the table names.
const (
	protobufLib    = "google.golang.org/protobuf/..."
	validateGen    = "buf.build/gen/go/bufbuild/protovalidate/..."
	connectLib     = "connectrpc.com/connect"
	lattigoLib     = "github.com/tuneinsight/lattigo/v5/..."
	wazeroLib      = "github.com/tetratelabs/wazero/..."
	gnarkLib       = "github.com/consensys/gnark/..."
	gnarkCryptoLib = "github.com/consensys/gnark-crypto/..."
	raftLib        = "github.com/hashicorp/raft/..."
	hclogLib       = "github.com/hashicorp/go-hclog"
	bboltLib       = "go.etcd.io/bbolt/..."
	secp256k1Lib   = "github.com/decred/dcrd/dcrec/secp256k1/v4/..."
	sha3Lib        = "golang.org/x/crypto/sha3"
	ageLib         = "filippo.io/age/..."
	termLib        = "golang.org/x/term"
	prometheusLib  = "github.com/prometheus/client_golang/prometheus/..."
	cobraLib       = "github.com/spf13/cobra"
	testscriptLib  = "github.com/rogpeppe/go-internal/testscript"
	publicAPI      = "proto/gen/cerberus/v1/..."
	raftLogAPI     = "proto/gen/cerberus/raftlog/v1"
)

// ImportTable returns the table of docs/ARCHITECTURE.md: the packages of ours, what
// each may import of ours and of others. Arrows point up: a row names only packages
// of rows above it.
func ImportTable() []Row {
	return append(lowerRows(), upperRows()...)
}

// lowerRows are the packages below the node: contracts, arithmetic, guests, state.
func lowerRows() []Row {
	return []Row{
		{Path: "abi"},
		{Path: "proto/gen/cerberus/v1", Third: []string{protobufLib, validateGen}},
		{
			Path:  "proto/gen/cerberus/v1/cerberusv1connect",
			Ours:  []string{"proto/gen/cerberus/v1"},
			Third: []string{connectLib},
		},
		{Path: "proto/gen/cerberus/raftlog/v1", Third: []string{protobufLib, validateGen}},
		{Path: "sdk-wasm/go", Ours: []string{"sdk-wasm/go/..."}},
		{Path: "sdk-wasm/go/example/*", Ours: []string{"sdk-wasm/go"}},
		{Path: "sdk-wasm"},
		{
			Path:  "plugins/*",
			Ours:  []string{"abi", "sdk-wasm/go", "plugins/*/features", "plugins/*/scorer"},
			Tests: []string{"fhe/..."},
		},
		{Path: "plugins/*/features"},
		{Path: "plugins/*/scorer", Ours: []string{"sdk-wasm/go", "plugins/*/features"}},
		{
			Path: "plugins/*/train",
			Ours: []string{"abi", "internal/learn", "plugins/*/features"},
		},
		{Path: "internal/learn", Ours: []string{"abi"}},
		{Path: "fhe/rns", Ours: []string{"abi"}},
		{Path: "fhe", Ours: []string{"abi", "fhe/rns"}},
		{Path: "fhe/encode", Ours: []string{"abi", "fhe", "fhe/rns"}},
		{
			Path:  "fhe/squeeze",
			Ours:  []string{"abi", "fhe"},
			Tests: []string{"fhe/rns", "fhe/encode", "fhe/lattigo"},
		},
		{
			Path:  "fhe/lattigo",
			Ours:  []string{"abi", "fhe", "fhe/rns", "fhe/encode"},
			Third: []string{lattigoLib},
		},
		{
			Path:  "fhe/lattigo/yardstick",
			Ours:  []string{"abi", "fhe"},
			Third: []string{lattigoLib},
		},
		{Path: "fhe/fhetest", Ours: []string{"abi", "fhe", "fhe/rns", "fhe/lattigo"}},
		{
			Path:  "proofs/identity",
			Ours:  []string{"abi", "fhe", "fhe/rns"},
			Third: []string{gnarkCryptoLib},
			Tests: []string{"fhe/..."},
		},
		{Path: "proofs/opening", Ours: []string{"abi"}, Third: []string{gnarkLib, gnarkCryptoLib}},
		{
			Path:  "proofs/protocol",
			Ours:  []string{"abi", "fhe", "fhe/rns", "proofs/identity", "proofs/opening"},
			Third: []string{gnarkCryptoLib},
			Tests: []string{"fhe/..."},
		},
		{
			Path: "proofs/prooftest",
			Ours: []string{
				"abi", "fhe", "fhe/fhetest", "fhe/lattigo", "fhe/rns", "proofs/identity",
				"proofs/keyset", "proofs/opening", "proofs/protocol",
			},
			Third: []string{gnarkCryptoLib},
		},
		{
			Path: "proofs/verifier",
			Ours: []string{
				"abi", "fhe", "fhe/rns", "proofs/identity", "proofs/opening", "proofs/protocol",
			},
			Third: []string{gnarkCryptoLib},
			Tests: []string{"fhe/...", "proofs/..."},
		},
		{
			Path: "proofs/prover",
			Ours: []string{
				"abi", "fhe", "fhe/rns", "proofs/identity", "proofs/opening", "proofs/protocol",
			},
			Third: []string{gnarkCryptoLib},
			Tests: []string{"fhe/...", "proofs/..."},
		},
		{
			Path:  "proofs/keyset",
			Ours:  []string{"abi", "fhe", "proofs/identity", "proofs/opening", "proofs/protocol"},
			Third: []string{gnarkCryptoLib},
			Tests: []string{"fhe/...", "proofs/..."},
		},
		{
			Path:  "proofs/ceremony",
			Ours:  []string{"abi", "proofs/opening", "proofs/attest"},
			Third: []string{gnarkLib, gnarkCryptoLib},
			Tests: []string{"host/identity"},
		},
		{
			Path:  "proofs/attest",
			Ours:  []string{"abi"},
			Third: []string{secp256k1Lib, sha3Lib},
			Tests: []string{"host/identity"},
		},
		{
			Path: "proofs/bundle",
			Ours: []string{
				"abi", "fhe", "fhe/rns", "proofs/attest", "proofs/identity", "proofs/keyset",
				"proofs/opening", "proofs/protocol", "proofs/verifier",
			},
			Tests: []string{"fhe/...", "proofs/...", "host/identity"},
		},
		{Path: "raftstore/ledger", Ours: []string{"abi"}, Never: impure()},
		{
			Path:  "raftstore/state",
			Ours:  []string{"abi", "raftstore/ledger", raftLogAPI},
			Third: []string{protobufLib},
			Never: impure(),
		},
		{
			Path:  "raftstore",
			Ours:  []string{"abi", "raftstore/state", raftLogAPI},
			Third: []string{raftLib, hclogLib, bboltLib, protobufLib},
		},
	}
}

// impure are the packages of the standard library through which a machine's state
// could enter the replicated one.
func impure() []string {
	return []string{"crypto/rand", "math/rand", "math/rand/v2", "net", "net/http", "os", "time"}
}

// upperRows are the node, its client and the programs.
func upperRows() []Row {
	return []Row{
		{Path: "host/wasmtest", Ours: []string{"abi"}},
		{Path: "host/admit/wasm"},
		{
			Path:  "host/admit/meter",
			Ours:  []string{"abi", "host/admit/wasm"},
			Tests: []string{"host/admit", "host/admit/validate", wazeroLib},
		},
		{Path: "host/admit/validate", Ours: []string{"host/admit/wasm"}, Tests: []string{wazeroLib}},
		{
			Path: "host/admit",
			Ours: []string{
				"abi", "host/admit/wasm", "host/admit/validate", "host/admit/meter",
			},
			Tests: []string{wazeroLib},
		},
		{Path: "host/hostcall", Ours: []string{"abi", "fhe", "host/admit"}},
		{
			Path: "host/runtime",
			Ours: []string{
				"abi", "fhe", "host/admit", "host/admit/meter", "host/admit/wasm", "host/hostcall",
			},
			Third: []string{wazeroLib},
		},
		{
			Path: "sdk-wasm/braintest",
			Ours: []string{"sdk-wasm/go", "abi", "fhe", "host/hostcall"},
		},
		{Path: "host/blob", Ours: []string{"abi"}},
		{Path: "host/identity", Ours: []string{"abi"}, Third: []string{secp256k1Lib, sha3Lib}},
		{Path: "host/config", Ours: []string{"abi"}},
		{Path: "host/telemetry", Third: []string{prometheusLib}},
		{
			Path: "host/registry",
			Ours: []string{"abi", "fhe", "fhe/squeeze", "host/runtime", "host/blob"},
		},
		{Path: "host/sched", Ours: []string{"abi"}},
		{
			Path: "host/worker",
			Ours: []string{
				"abi", "fhe", "host/runtime", "host/blob", "host/registry", "proofs/attest",
				"proofs/bundle", "proofs/identity", "proofs/keyset", "proofs/prover",
			},
		},
		{
			Path: "host/validator",
			Ours: []string{
				"abi", "fhe", "host/registry", "proofs/attest", "proofs/bundle", "proofs/keyset",
				"proofs/opening",
			},
			Tests: []string{"fhe/...", "host/...", "proofs/..."},
		},
		{
			Path: "host/api",
			Ours: []string{"abi", publicAPI},
			Third: []string{
				connectLib, "connectrpc.com/validate", "connectrpc.com/grpchealth",
				"connectrpc.com/grpcreflect", "buf.build/go/protovalidate", validateGen, protobufLib,
			},
		},
		{
			Path: "host",
			Ours: []string{
				"abi", publicAPI, raftLogAPI, "fhe/...", "host/...", "proofs/...", "raftstore/...",
			},
			Third: []string{connectLib},
			Tests: []string{protobufLib, "client"},
		},
		{
			Path: "host/hosttest",
			Ours: []string{"abi", publicAPI, "fhe/...", "host/...", "proofs/opening"},
		},
		{
			Path: "client",
			Ours: []string{
				"abi", publicAPI, "fhe", "fhe/encode", "fhe/lattigo", "fhe/squeeze",
				"host/runtime", "host/hostcall", "host/identity", "proofs/attest", "proofs/bundle",
				"proofs/keyset", "proofs/opening",
			},
			Third: []string{connectLib, protobufLib},
			Tests: []string{"host/...", "proofs/..."},
		},
		{Path: "cmd/cerberus", Ours: []string{
			"abi", publicAPI, "fhe/...", "host/...", "client", "raftstore/...", "plugins/...",
			"proofs/...", "sdk-wasm/...", "internal/...",
		}, Third: []string{cobraLib, ageLib, termLib, connectLib}, Tests: []string{
			testscriptLib, protobufLib,
		}},
		{Path: "internal/abigen", Ours: []string{"abi"}},
		{Path: "internal/figures"},
		{Path: "internal/kit", Ours: []string{"abi", "fhe/...", "host/...", "sdk-wasm/..."}},
		{
			Path: "internal/rangecircuit", Ours: []string{"fhe", "fhe/rns"},
			Third: []string{gnarkLib, gnarkCryptoLib},
		},
		{Path: "internal/bench/proofcase", Ours: []string{
			"abi", "fhe", "proofs/identity", "proofs/opening", "proofs/verifier",
		}, Tests: []string{"fhe/...", "proofs/..."}},
		{Path: "internal/bench/jsverify", Ours: []string{"internal/bench/proofcase"}},
		{Path: "internal/bench", Ours: []string{
			"abi", publicAPI, raftLogAPI, "fhe/...", "host/...", "client", "raftstore/...", "plugins/...",
			"proofs/...", "sdk-wasm/...", "internal/figures", "internal/rangecircuit",
			"internal/bench/proofcase", "internal/hostile/...",
		}, Third: []string{gnarkCryptoLib, wazeroLib}},
		{Path: "internal/hostile", Ours: []string{"abi", "host/wasmtest"}, Tests: []string{
			"host/...", "internal/hostile/trial", raftLib, hclogLib,
		}},
		{Path: "internal/hostile/trial", Ours: []string{
			"abi", "host/hostcall", "host/runtime", "internal/hostile",
		}},
		{Path: "internal/hostile/table", Ours: []string{
			"abi", "host/runtime", "internal/hostile", "internal/hostile/trial",
		}},
		{Path: "internal/demo", Ours: []string{"abi", "client", "internal/figures"}},
		{Path: "internal/release"},
		{Path: "internal/tidy"},
	}
}

// Walls returns what no row can say: what must not be reached through others.
func Walls() []Wall {
	return []Wall{
		{From: "abi", To: protobufLib, Why: "guests compile the contract"},
		{From: "client", To: "raftstore/...", Why: "a client holds no cluster state"},
		{From: "client", To: raftLib, Why: "a client holds no cluster state"},
		{From: "client", To: bboltLib, Why: "a client holds no cluster state"},
		{From: "plugins/...", To: wazeroLib, Why: "a Brain builds a computation, it never runs one"},
		{From: "sdk-wasm/...", To: wazeroLib, Why: "authors test without a sandbox"},
		{From: "fhe", To: lattigoLib, Why: "one package alone knows the FHE library"},
		{From: "fhe/squeeze", To: lattigoLib, Why: "one package alone knows the FHE library"},
		{From: "raftstore/...", To: wazeroLib, Why: "applying a log entry runs no guest"},
		{From: "raftstore/...", To: lattigoLib, Why: "applying a log entry computes nothing encrypted"},
		{From: "plugins/...", To: lattigoLib, Why: "a Brain builds a computation, it never runs one"},
		{From: "host/validator", To: "fhe/lattigo", Why: "whoever validates believes no kernel"},
		{From: "host/validator", To: "proofs/prover", Why: "a verifier is small"},
		{From: "proofs/verifier", To: "proofs/prover", Why: "a verifier is small"},
		{From: "proofs/verifier", To: lattigoLib, Why: "whoever validates believes no kernel"},
		{From: "host/api", To: "raftstore/...", Why: "handlers declare the interfaces that they need"},
	}
}
