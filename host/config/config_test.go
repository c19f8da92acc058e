package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cerberus-host/cerberus/host/config"
)

const admin = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func env(values map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := values[name]
		return v, ok
	}
}

func TestPrecedence(t *testing.T) {
	c, err := config.Load(config.Sources{
		File: writeFile(t, `{"data_dir": "file", "workers": 1, "task_timeout": "1m",
			"admins": ["`+admin+`"], "open_to_clients": true}`),
		Env:   env(map[string]string{"CERBERUS_WORKERS": "2", "CERBERUS_DATA_DIR": "env"}),
		Flags: map[string]string{"workers": "3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Workers != 3 || c.DataDir != "env" || c.TaskTimeout != time.Minute ||
		c.Listen != config.ListenDefault || len(c.Admins) != 1 || !c.OpenToClients {
		t.Fatalf("%+v", c)
	}
}

func TestFileIsStrict(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          ``,
		"array":          `[]`,
		"unknown key":    `{"data_dir": "d", "worker": 1}`,
		"repeated key":   `{"data_dir": "d", "data_dir": "e"}`,
		"trailing":       `{"data_dir": "d"} {}`,
		"object value":   `{"data_dir": {}}`,
		"null":           `{"data_dir": null}`,
		"nested array":   `{"data_dir": "d", "admins": [["` + admin + `"]]}`,
		"comma in array": `{"data_dir": "d", "admins": ["` + admin + `,` + admin + `"]}`,
		"fraction":       `{"data_dir": "d", "workers": 1.5}`,
		"word":           `{"data_dir": "d", "open_to_clients": "yes"}`,
		"address":        `{"data_dir": "d", "admins": ["0x12"]}`,
		"unclosed":       `{"data_dir": "d"`,
	} {
		_, err := config.Load(config.Sources{File: writeFile(t, text)})
		if !errors.Is(err, config.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", name, err)
		}
	}
	if _, err := config.Load(config.Sources{File: "no such file"}); !errors.Is(err, config.ErrConfig) {
		t.Errorf("missing file: %v", err)
	}
}

// Every refusal names the setting, so that the operator knows what to change.
func TestValidateNamesTheSetting(t *testing.T) {
	for _, c := range []struct{ key, value string }{
		{"data_dir", ""},
		{"listen", "7411"},
		{"listen", "0.0.0.0:7411"},
		{"listen", ":7411"},
		{"listen", "node.example:7411"},
		{"admins", "0x0000000000000000000000000000000000000000"},
		{"workers", "-1"},
		{"workers", "257"},
		{"memory_bytes", "-1"},
		{"task_timeout", "10ms"},
		{"task_timeout", "25h"},
		{"task_retention", "1s"},
		{"disk_floor_bytes", "0"},
		{"blob_bytes_max", "-1"},
		{"log_format", "xml"},
		{"log_level", "loud"},
	} {
		flags := map[string]string{"data_dir": "d"}
		flags[c.key] = c.value
		_, err := config.Load(config.Sources{Flags: flags})
		if !errors.Is(err, config.ErrConfig) || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s=%q: %v", c.key, c.value, err)
		}
	}
}

func TestOpenListenNeedsAdmins(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:7411", "localhost:7411"} {
		_, err := config.Load(config.Sources{Flags: map[string]string{
			"data_dir": "d", "listen": listen,
		}})
		if err != nil {
			t.Errorf("%s: %v", listen, err)
		}
	}
	_, err := config.Load(config.Sources{Flags: map[string]string{
		"data_dir": "d", "listen": "0.0.0.0:7411", "admins": admin,
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestNamesOfSettings(t *testing.T) {
	for _, s := range config.Settings() {
		if s.Help == "" || strings.ToLower(s.Key) != s.Key {
			t.Errorf("%+v", s)
		}
		if s.Key == "data_dir" && (s.Flag() != "data-dir" || s.Env() != "CERBERUS_DATA_DIR") {
			t.Errorf("flag %s, variable %s", s.Flag(), s.Env())
		}
	}
}

func FuzzLoadFile(f *testing.F) {
	f.Add(`{"data_dir": "d", "workers": 1, "admins": ["` + admin + `"]}`)
	f.Add(`{"data_dir": [`)
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "node.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(config.Sources{File: path})
		if err == nil && c.Validate() != nil {
			t.Fatal("an invalid configuration was loaded")
		}
		if err != nil && !errors.Is(err, config.ErrConfig) {
			t.Fatalf("untyped error %v", err)
		}
	})
}
