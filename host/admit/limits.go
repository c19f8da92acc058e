package admit

// The limits of a module. The comment says what a module without the limit does to a
// runtime that has none; the highest figure seen in modules built by the toolchains that
// the SDKs support is in brackets.
const (
	// FunctionsMax bounds functions: each has a fixed price to compile [1,766].
	FunctionsMax = 20_000
	// TypesMax bounds function types: the runtime keeps them for its lifetime [110].
	TypesMax = 1_000
	// ParamsMax bounds a type's parameters: compile time grows with their square [17].
	ParamsMax = 32
	// ResultsMax bounds a type's results.
	ResultsMax = 4
	// ImportsMax bounds imports, repeated ones included [21].
	ImportsMax = 256
	// ExportsMax bounds exports [450].
	ExportsMax = 1_024
	// GlobalsMax bounds globals [13].
	GlobalsMax = 1_024
	// TableEntriesMax bounds the one table: an entry costs eight bytes at once [5,862].
	TableEntriesMax = 16_384
	// ElementsMax bounds element segments and all their entries together.
	ElementsMax = 65_536
	// DataSegmentsMax bounds data segments [30,459].
	DataSegmentsMax = 65_536
	// LocalsMax bounds the locals of one function: 100 million take gigabytes [50].
	LocalsMax = 1_000
	// LocalsTotalMax bounds the locals of all functions [6,875].
	LocalsTotalMax = 50_000
	// BodyBytesMax bounds the body of one function [37 KB].
	BodyBytesMax = 128 << 10
	// NestingMax bounds nested blocks: compile time grows with their square [549].
	NestingMax = 1_024
	// BranchTargetsMax bounds the targets of one br_table [964].
	BranchTargetsMax = 4_096
	// FunctionTargetsMax bounds the targets of all br_table operators of one function:
	// thirty tables of 4,096 in one body compile for a second.
	FunctionTargetsMax = 16_384
	// TargetsTotalMax bounds the targets of all functions [72,567].
	TargetsTotalMax = 500_000
	// BlocksMax bounds the blocks of one function, loops counted twice and each bulk operator
	// as [bulkBlocks]: 25,000 empty ifs in one body compile for half a minute [830].
	BlocksMax = 4_096
	// BlockPairsMax bounds the sum, over all functions, of the square of their blocks: that
	// is how compile time grows.
	BlockPairsMax = 64_000_000
	// BlocksByLocalsMax bounds, for one function, its blocks times its parameters and
	// locals: 4,000 times 4,000 compile for a minute and take a gigabyte.
	BlocksByLocalsMax = 1_000_000
	// BlocksByLocalsTotalMax bounds the sum of these products.
	BlocksByLocalsTotalMax = 20_000_000
	// CodeBytesMax bounds the module with what is put in to meter it: two bytes of the
	// author's can become more than twenty [4.2 MB].
	CodeBytesMax = 16 << 20
)

// bulkBlocks is what one bulk memory operator with its charge costs the compiler, in blocks.
const bulkBlocks = 4
