package config

import (
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

// Defaults and bounds of the settings.
const (
	// ListenDefault is reachable from the same machine only.
	ListenDefault = "127.0.0.1:7411"
	// TaskTimeoutDefault is long for one Plan on a slow machine.
	TaskTimeoutDefault = 10 * time.Minute
	// TaskRetentionDefault gives a client a week to fetch a result.
	TaskRetentionDefault = 7 * 24 * time.Hour
	// DiskFloorDefault leaves the log room to record the end of what is under way.
	DiskFloorDefault int64 = 512 << 20

	// WorkersMax bounds the tasks that run at once.
	WorkersMax = 256
	// TaskTimeoutMax is the longest lease of the replicated state.
	TaskTimeoutMax = 24 * time.Hour
	// AdminsMax bounds the first admins.
	AdminsMax = 64
)

// Config is a node's configuration; [Defaults] and [Load] make one. See [Settings] for what
// each field means.
type Config struct {
	DataDir        string
	Listen         string
	Admins         []abi.Address
	OpenToClients  bool
	Workers        int
	MemoryBytes    int64
	TaskTimeout    time.Duration
	TaskRetention  time.Duration
	DiskFloorBytes int64
	BlobBytesMax   int64
	// SetupDir is the directory of the proving setup; empty means that the node proves nothing.
	SetupDir  string
	LogFormat string
	LogLevel  string
}

// Defaults returns the configuration of which nothing was set. It lacks a data directory.
func Defaults() Config {
	return Config{
		Listen: ListenDefault, TaskTimeout: TaskTimeoutDefault,
		TaskRetention: TaskRetentionDefault, DiskFloorBytes: DiskFloorDefault,
		LogFormat: "text", LogLevel: "info",
	}
}

// Validate returns [ErrConfig], with the setting and the fix, for a configuration that a
// node should not start with.
func (c Config) Validate() error {
	if c.DataDir == "" {
		return invalid("data_dir", "is missing; say where the node keeps its data")
	}
	if err := c.validateListen(); err != nil {
		return err
	}
	switch {
	case len(c.Admins) > AdminsMax:
		return invalid("admins", "has %d addresses, at most %d", len(c.Admins), AdminsMax)
	case slices.ContainsFunc(c.Admins, abi.Address.IsZero):
		return invalid("admins", "holds the zero address, which is nobody's")
	case c.Workers < 0 || c.Workers > WorkersMax:
		return invalid("workers", "is %d, outside 0 to %d", c.Workers, WorkersMax)
	case c.MemoryBytes < 0:
		return invalid("memory_bytes", "is negative; 0 lets the node choose")
	case c.TaskTimeout < time.Second || c.TaskTimeout > TaskTimeoutMax:
		return invalid("task_timeout", "is %s, outside 1s to %s", c.TaskTimeout, TaskTimeoutMax)
	case c.TaskRetention < time.Minute:
		return invalid("task_retention", "is %s; clients need a minute at least to fetch results",
			c.TaskRetention)
	case c.DiskFloorBytes < 1:
		return invalid("disk_floor_bytes", "is %d; a log without any reserve cannot even record "+
			"failures, leave at least 1 byte and better 512 MiB", c.DiskFloorBytes)
	case c.BlobBytesMax < 0:
		return invalid("blob_bytes_max", "is negative; 0 means no limit")
	case c.LogFormat != "text" && c.LogFormat != "json":
		return invalid("log_format", "is %.40q; choose text or json", c.LogFormat)
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel):
		return invalid("log_level", "is %.40q; choose debug, info, warn or error", c.LogLevel)
	}
	return nil
}

// validateListen keeps a node without admins of its own choice off the network: whoever
// reached it first would meet a node whose roles nobody has set.
func (c Config) validateListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return invalid("listen", "%.80q is not HOST:PORT, such as %s", c.Listen, ListenDefault)
	}
	if !loopback(host) && len(c.Admins) == 0 {
		return invalid("listen", "%.80q can be reached from other machines, but no admins are "+
			"set: set admins to the addresses that may grant roles, or listen on %s", c.Listen,
			ListenDefault)
	}
	return nil
}

// loopback reports whether a host is this machine for sure; a name is not, since it can
// come to mean something else.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func invalid(key, format string, args ...any) error {
	return fmt.Errorf("%w: %s %s", ErrConfig, key, fmt.Sprintf(format, args...))
}
