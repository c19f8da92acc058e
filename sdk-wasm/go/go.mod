module github.com/cerberus-host/cerberus/sdk-wasm/go

go 1.26.0
