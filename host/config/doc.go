// Package config reads a node's configuration: defaults, then a file, then the environment,
// then flags, each overruling the one before.
//
// [Settings] is the one table of what can be set: its rows name the key in the file, the
// environment variable and the flag, and the command line and the documentation are made
// from it. [Load] merges the sources and returns a checked [Config].
//
// The file is one JSON object. Unknown and repeated keys are errors, so that a misspelled
// limit is not silently no limit:
//
//	{"data_dir": "/var/lib/cerberus", "listen": "127.0.0.1:7411", "workers": 2}
//
// # Caveats
//
// Limits that every replica must apply alike (quotas, attempts, who may be a client once
// the cluster exists) live in the replicated state. What is set here for them is used when
// the cluster is made and not looked at again.
//
// # What it is not
//
// No secret is configured here; keys are files of their own.
package config
