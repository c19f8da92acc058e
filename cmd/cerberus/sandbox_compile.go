package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/cerberus-host/cerberus/host/runtime"
)

// sandboxCompile is the name of the hidden command.
const sandboxCompile = "sandbox-compile"

// newSandboxCompile is the process in which this program compiles a module, so that what
// kills the compiler does not kill a node or a client. Nobody but this program calls it.
func newSandboxCompile(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: sandboxCompile, Hidden: true, DisableFlagParsing: true,
		Run: func(_ *cobra.Command, args []string) {
			os.Exit(runtime.CompileChild(args, g.in))
		},
	}
}

// compilerCommand is what starts that process; nil, if this program cannot be found, means
// that modules are compiled in this one.
func compilerCommand() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, sandboxCompile}
}
