// Package scorer is the linear sentiment Brain, apart from its dictionary: the two sizes that
// ship share it. It runs in the sandbox; nothing of it sees a weight.
package scorer
