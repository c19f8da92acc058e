package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/abi"
)

// version is set by the release build.
var version = "devel"

func newVersion(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := map[string]string{
				"version": version, "abi": abi.Version, "go": runtime.Version(),
				"platform": runtime.GOOS + "/" + runtime.GOARCH,
			}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, d := range info.Deps {
					switch d.Path {
					case "github.com/tetratelabs/wazero", "github.com/tuneinsight/lattigo/v5",
						"github.com/hashicorp/raft":
						v[d.Path] = d.Version
					}
				}
			}
			if g.json {
				return g.printJSON(v)
			}
			return g.printf("cerberus %s (%s), %s, %s\n", version, abi.Version, v["go"], v["platform"])
		},
	}
}
