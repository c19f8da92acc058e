// Release builds the archives of a release: a stripped binary with the Brains that ship
// and all licences, one archive per platform, and SHA256SUMS over all of them.
//
//	go run ./internal/release [-out dist] [-version v0.1.0]
//
// Everything is built twice: here, and again from a copy of the sources in another
// folder with an empty build cache. If one byte of one archive differs, the release
// fails, so whoever has the sources and the same Go version can make the archives
// again and compare.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

var errNotReproducible = errors.New("two builds of the same sources differ")

func main() {
	out := flag.String("out", "dist", "folder to write the archives to")
	version := flag.String("version", "", "version to stamp (default: git describe)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out, *version)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "release: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, version string) error {
	if version == "" {
		described, err := gitOutput(ctx, "describe", "--tags", "--always", "--dirty")
		if err != nil {
			return fmt.Errorf("no -version given: %w", err)
		}
		version = described
	}
	stamp, err := commitTime(ctx)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "cerberus-release-")
	if err != nil {
		return fmt.Errorf("scratch folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()

	sources := filepath.Join(scratch, "sources")
	if err := copyTracked(ctx, ".", sources); err != nil {
		return err
	}
	here := builder{folder: ".", version: version, stamp: stamp}
	there := builder{
		folder: sources, cache: filepath.Join(scratch, "cache"), version: version, stamp: stamp,
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("output folder: %w", err)
	}
	return writeAll(ctx, out, here, there)
}

// writeAll builds each platform with both builders and keeps what they agree on.
func writeAll(ctx context.Context, out string, here, there builder) error {
	var sums strings.Builder
	for _, p := range platforms() {
		name := p.archiveName(here.version)
		first, err := here.archive(ctx, p)
		if err != nil {
			return err
		}
		second, err := there.archive(ctx, p)
		if err != nil {
			return err
		}
		if !bytes.Equal(first, second) {
			return fmt.Errorf("%w: %s", errNotReproducible, name)
		}
		if err := os.WriteFile(filepath.Join(out, name), first, 0o644); err != nil {
			return fmt.Errorf("write archive: %w", err)
		}
		line := sumLine(first, name)
		sums.WriteString(line)
		fmt.Print(line)
	}
	name := filepath.Join(out, "SHA256SUMS")
	if err := os.WriteFile(name, []byte(sums.String()), 0o644); err != nil {
		return fmt.Errorf("write sums: %w", err)
	}
	fmt.Printf("%d archives, each built twice with equal bytes, in %s\n", len(platforms()), out)
	return nil
}

// commitTime returns the time of the last commit, which becomes the time of every
// archived file: the same for everyone who builds that commit.
func commitTime(ctx context.Context) (time.Time, error) {
	text, err := gitOutput(ctx, "log", "-1", "--format=%ct")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("commit time: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func gitOutput(ctx context.Context, args ...string) (string, error) {
	output, err := exec.CommandContext(ctx, "git", args...).Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(output)), nil
}

// copyTracked copies the files that git tracks, as they are in the folder now.
func copyTracked(ctx context.Context, from, to string) error {
	list, err := gitOutput(ctx, "-C", from, "ls-files", "-z")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(list, "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return fmt.Errorf("copy sources: %w", err)
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("copy sources: %w", err)
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			return fmt.Errorf("copy sources: %w", err)
		}
	}
	return nil
}
