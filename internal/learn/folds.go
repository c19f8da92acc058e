package learn

import "fmt"

// Folds deals examples into count folds of a cross-validation, stratified: each class is
// shuffled by the seed and dealt in turn, so that every fold has its share of it. It
// returns the fold of each example.
func Folds(labels []bool, count int, seed uint64) ([]int, error) {
	if count < 2 || count > len(labels) {
		return nil, fmt.Errorf("%w: %d folds of %d examples", ErrShape, count, len(labels))
	}
	random := NewRandom(seed)
	fold := make([]int, len(labels))
	next := 0
	for _, class := range []bool{false, true} {
		var members []int
		for i, y := range labels {
			if y == class {
				members = append(members, i)
			}
		}
		random.Shuffle(len(members), func(i, j int) {
			members[i], members[j] = members[j], members[i]
		})
		for _, i := range members {
			fold[i] = next % count
			next++
		}
	}
	return fold, nil
}
