package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// fileBytesMax bounds the configuration file.
const fileBytesMax = 1 << 20

// Sources are where settings come from, weakest first.
type Sources struct {
	// File is the path of the JSON file; "" means none.
	File string
	// Env looks up an environment variable; nil means no environment.
	Env func(name string) (string, bool)
	// Flags maps the keys of the settings that were given as flags to their values.
	Flags map[string]string
}

// Load merges the sources over the defaults and validates the result. Errors wrap
// [ErrConfig].
func Load(src Sources) (Config, error) {
	c := Defaults()
	if src.File != "" {
		values, err := readFile(src.File)
		if err != nil {
			return Config{}, err
		}
		if err := c.apply(values, "file "+src.File); err != nil {
			return Config{}, err
		}
	}
	if src.Env != nil {
		values := make(map[string]string)
		for _, s := range Settings() {
			if v, ok := src.Env(s.Env()); ok {
				values[s.Key] = v
			}
		}
		if err := c.apply(values, "environment"); err != nil {
			return Config{}, err
		}
	}
	if err := c.apply(src.Flags, "flags"); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// apply sets what the values say, in the order of the table.
func (c *Config) apply(values map[string]string, source string) error {
	known := 0
	for _, s := range Settings() {
		v, ok := values[s.Key]
		if !ok {
			continue
		}
		known++
		if err := s.set(c, v); err != nil {
			return fmt.Errorf("%w: %s: %s: %w", ErrConfig, source, s.Key, err)
		}
	}
	if known != len(values) {
		return fmt.Errorf("%w: %s: unknown setting %s; known are %s", ErrConfig, source,
			unknownKey(values), strings.Join(keys(), ", "))
	}
	return nil
}

// unknownKey names the unknown key that comes first in the alphabet.
func unknownKey(values map[string]string) string {
	all := keys()
	first := ""
	for k := range values {
		unknown := true
		for _, known := range all {
			unknown = unknown && k != known
		}
		if unknown && (first == "" || k < first) {
			first = k
		}
	}
	return fmt.Sprintf("%.40q", first)
}

func keys() []string {
	settings := Settings()
	list := make([]string, len(settings))
	for i, s := range settings {
		list[i] = s.Key
	}
	return list
}

func readFile(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, fileBytesMax+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if len(data) > fileBytesMax {
		return nil, fmt.Errorf("%w: file %s has more than %d bytes", ErrConfig, path, fileBytesMax)
	}
	values, err := parseFile(data)
	if err != nil {
		return nil, fmt.Errorf("%w: file %s: %w", ErrConfig, path, err)
	}
	return values, nil
}

// parseFile reads one JSON object of strings, numbers, booleans and arrays of strings.
func parseFile(data []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not one JSON object")
	}
	values := make(map[string]string)
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("it is not one JSON object")
		}
		if _, twice := values[key]; twice {
			return nil, fmt.Errorf("%.40q is given twice", key)
		}
		if values[key], err = parseValue(d); err != nil {
			return nil, fmt.Errorf("%.40q: %w", key, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is not one JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return values, nil
}

func parseValue(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", errors.New("its value is malformed")
	}
	switch v := t.(type) {
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return fmt.Sprint(v), nil
	case json.Delim:
		if v == '[' {
			return parseList(d)
		}
	}
	return "", errors.New("its value is no string, number, boolean or array of strings")
}

func parseList(d *json.Decoder) (string, error) {
	var list []string
	for d.More() {
		t, err := d.Token()
		s, ok := t.(string)
		if err != nil || !ok || strings.Contains(s, ",") {
			return "", errors.New("its array holds something else than strings without commas")
		}
		list = append(list, s)
	}
	if _, err := d.Token(); err != nil {
		return "", errors.New("its array does not end")
	}
	return strings.Join(list, ","), nil
}
