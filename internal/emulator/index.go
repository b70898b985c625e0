package emulator

import (
	"slices"
	"sort"
	"strings"
)

// table is records by id, whose case does not matter, with an order to page through.
type table[T any] struct {
	rows  map[string]*row[T]
	order index[T]
	last  uint64 // the number of the newest row
}

// row is the place of a record. It keeps its place when the record is replaced, and its value is nil once it is deleted.
type row[T any] struct {
	key    string
	number uint64
	value  *T
}

func newTable[T any]() table[T] { return table[T]{rows: make(map[string]*row[T])} }

func (t *table[T]) get(id string) *T {
	if row := t.rows[strings.ToLower(id)]; row != nil {
		return row.value
	}
	return nil
}

// put adds or replaces a record. The row is new if the record is.
func (t *table[T]) put(id string, value *T) *row[T] {
	key := strings.ToLower(id)
	if row := t.rows[key]; row != nil {
		row.value = value
		return row
	}
	t.last++
	row := &row[T]{key: key, number: t.last, value: value}
	t.rows[key] = row
	t.order.add(row)
	return row
}

// delete takes a record out and returns the row that it had, or nil.
func (t *table[T]) delete(id string) *row[T] {
	key := strings.ToLower(id)
	row := t.rows[key]
	if row != nil {
		delete(t.rows, key)
		row.value = nil
		t.order.remove(row)
	}
	return row
}

func (t *table[T]) len() int { return len(t.rows) }

// partitions is how many parts an index has. Like the service's store, it spreads rows over them by id and keeps the
// order of insertion within one, so that the whole is in order neither of ids nor of time.
const partitions = 16

// index is an order of rows in which any position can be found again, however many rows came and went.
type index[T any] struct {
	parts [partitions]part[T]
}

// part is rows by number. Deleted rows stay until they are most of the part.
type part[T any] struct {
	rows []*row[T]
	dead int
}

// position is the place after a row; its zero value is the start.
type position struct {
	part   int
	number uint64
}

// partOf is the FNV-1a hash of a key, folded.
func partOf(key string) int {
	hash := uint32(2166136261)
	for i := range len(key) {
		hash = (hash ^ uint32(key[i])) * 16777619
	}
	return int((hash ^ hash>>16) % partitions)
}

func (x *index[T]) add(r *row[T]) {
	part := &x.parts[partOf(r.key)]
	part.rows = append(part.rows, r)
}

// remove counts a row whose value is gone, and makes room when most are.
func (x *index[T]) remove(r *row[T]) {
	part := &x.parts[partOf(r.key)]
	part.dead++
	if part.dead > 16 && part.dead > len(part.rows)/2 {
		part.rows = slices.Clone(slices.DeleteFunc(part.rows, func(r *row[T]) bool { return r.value == nil }))
		part.dead = 0
	}
}

// page returns the records after a position, as many as limit allows, and where the page ends if more follow.
func (x *index[T]) page(after position, limit int) (page []*T, end position, more bool) {
	for p := after.part; p < partitions; p++ {
		rows := x.parts[p].rows
		if p == after.part {
			rows = rows[sort.Search(len(rows), func(i int) bool { return rows[i].number > after.number }):]
		}
		for _, row := range rows {
			if row.value == nil {
				continue
			}
			if len(page) == limit {
				return page, end, true
			}
			page = append(page, row.value)
			end = position{p, row.number}
		}
	}
	return page, end, false
}

// all returns every record in order.
func (x *index[T]) all() []*T {
	all, _, _ := x.page(position{}, -1)
	return all
}
