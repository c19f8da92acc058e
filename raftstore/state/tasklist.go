package state

import (
	"cmp"
	"slices"

	"github.com/cerberus-host/cerberus/abi"
)

// taskRef names a task by the index that orders it. Every task has an index of its own,
// because one entry submits at most one task.
type taskRef struct {
	submit Index
	id     abi.TaskID
}

// taskList is a list of tasks in ascending order of submission.
type taskList []taskRef

func (l taskList) sort() {
	slices.SortFunc(l, func(a, b taskRef) int { return cmp.Compare(a.submit, b.submit) })
}

func (l taskList) find(submit Index) (int, bool) {
	return slices.BinarySearchFunc(l, submit, func(r taskRef, i Index) int {
		return cmp.Compare(r.submit, i)
	})
}

// add inserts a task at its place; the usual place is the end.
func (l *taskList) add(t *Task) {
	i, found := l.find(t.SubmitIndex)
	if !found {
		*l = slices.Insert(*l, i, taskRef{t.SubmitIndex, t.ID})
	}
}

// set adds or removes a task.
func (l *taskList) set(t *Task, in bool) {
	if in {
		l.add(t)
	} else {
		l.remove(t)
	}
}

// remove takes a task out, if it is in.
func (l *taskList) remove(t *Task) {
	if i, found := l.find(t.SubmitIndex); found {
		*l = slices.Delete(*l, i, i+1)
	}
}
