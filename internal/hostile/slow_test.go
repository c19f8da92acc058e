//go:build slow

package hostile_test

// all says whether the cases that take seconds or hundreds of megabytes are run, too.
const all = true
