package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cerberus-host/cerberus/abi"
)

// Setting is one row of the table of settings.
type Setting struct {
	// Key is the name in the file. The flag is the same with dashes for underscores, the
	// environment variable the same in capitals after CERBERUS_.
	Key string
	// Help is a sentence for people.
	Help string
	// Default is shown to people; "" means none.
	Default string
	// List marks a setting that takes several values: an array in the file, separated by
	// commas elsewhere.
	List bool
	set  func(c *Config, value string) error
}

// Flag returns the name of the setting's flag, without dashes before it.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, "_", "-") }

// Env returns the name of the setting's environment variable.
func (s Setting) Env() string { return "CERBERUS_" + strings.ToUpper(s.Key) }

// Settings returns the table, in the order in which help shows it.
func Settings() []Setting {
	return []Setting{
		{
			Key: "data_dir", Help: "directory of keys, log, snapshots and blobs",
			set: func(c *Config, v string) error { c.DataDir = v; return nil },
		},
		{
			Key: "listen", Help: "address to serve on", Default: ListenDefault,
			set: func(c *Config, v string) error { c.Listen = v; return nil },
		},
		{
			Key: "admins", List: true,
			Help: "addresses of the first admins, used when the cluster is made",
			set:  func(c *Config, v string) error { return parseAddresses(&c.Admins, v) },
		},
		{
			Key: "open_to_clients", Default: "false",
			Help: "let every signer submit tasks, used when the cluster is made",
			set:  func(c *Config, v string) error { return parseBool(&c.OpenToClients, v) },
		},
		{
			Key: "workers", Default: "0",
			Help: "tasks that run at once; 0 takes one for every two cores",
			set:  func(c *Config, v string) error { return parseInt(&c.Workers, v) },
		},
		{
			Key: "memory_bytes", Default: "0",
			Help: "memory for tasks, Plans and keys; 0 takes half of what the machine has free",
			set:  func(c *Config, v string) error { return parseInt64(&c.MemoryBytes, v) },
		},
		{
			Key: "task_timeout", Default: TaskTimeoutDefault.String(),
			Help: "longest time of one attempt at a task",
			set:  func(c *Config, v string) error { return parseDuration(&c.TaskTimeout, v) },
		},
		{
			Key: "task_retention", Default: TaskRetentionDefault.String(),
			Help: "how long ended tasks and their results are kept",
			set:  func(c *Config, v string) error { return parseDuration(&c.TaskRetention, v) },
		},
		{
			Key: "disk_floor_bytes", Default: strconv.FormatInt(DiskFloorDefault, 10),
			Help: "free bytes of the disk below which new work is refused",
			set:  func(c *Config, v string) error { return parseInt64(&c.DiskFloorBytes, v) },
		},
		{
			Key: "blob_bytes_max", Default: "0",
			Help: "bytes that the blob store may hold; 0 means as much as the disk allows",
			set:  func(c *Config, v string) error { return parseInt64(&c.BlobBytesMax, v) },
		},
		{
			Key: "setup_dir",
			Help: "directory of the proving setup, setup.vk and setup.pk; without one the node proves " +
				"nothing",
			set: func(c *Config, v string) error { c.SetupDir = v; return nil },
		},
		{
			Key: "log_format", Default: "text", Help: "form of the log: text or json",
			set: func(c *Config, v string) error { c.LogFormat = v; return nil },
		},
		{
			Key: "log_level", Default: "info", Help: "least level: debug, info, warn or error",
			set: func(c *Config, v string) error { c.LogLevel = v; return nil },
		},
	}
}

func parseBool(dst *bool, v string) error {
	switch v {
	case "true":
		*dst = true
	case "false":
		*dst = false
	default:
		return fmt.Errorf("%.40q is neither true nor false", v)
	}
	return nil
}

func parseInt(dst *int, v string) error {
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil {
		return fmt.Errorf("%.40q is no whole number", v)
	}
	*dst = int(n)
	return nil
}

func parseInt64(dst *int64, v string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is no whole number of bytes", v)
	}
	*dst = n
	return nil
}

func parseDuration(dst *time.Duration, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil {
		return fmt.Errorf("%.40q is no duration such as 90s or 24h", v)
	}
	*dst = d
	return nil
}

func parseAddresses(dst *[]abi.Address, v string) error {
	*dst = nil
	if v == "" {
		return nil
	}
	for part := range strings.SplitSeq(v, ",") {
		a, err := abi.ParseAddress(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		*dst = append(*dst, a)
	}
	return nil
}
