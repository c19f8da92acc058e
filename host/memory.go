package host

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
)

// memoryBudgetDefault is used where the machine does not say what it has.
const memoryBudgetDefault = 2 << 30

// memoryBudget returns half of the memory that is available now.
func memoryBudget() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return memoryBudgetDefault
	}
	if n := availableMemory(text); n > 0 {
		return n / 2
	}
	return memoryBudgetDefault
}

// availableMemory reads the line "MemAvailable: N kB"; 0 if there is none.
func availableMemory(meminfo []byte) int64 {
	lines := bufio.NewScanner(bytes.NewReader(meminfo))
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) == 3 && string(fields[0]) == "MemAvailable:" && string(fields[2]) == "kB" {
			n, err := strconv.ParseInt(string(fields[1]), 10, 50)
			if err != nil {
				return 0
			}
			return n << 10
		}
	}
	return 0
}
