package fleet

import "hash/maphash"

// idSet is a set of ids without case. It holds their hashes alone, in 20 to 40 bytes each. That it takes two different ids for the same has
// a chance of 3 in 10^8 with a million of them.
type idSet struct {
	seed   maphash.Seed
	hashes map[uint64]struct{}
}

func newIDSet() *idSet {
	return &idSet{seed: maphash.MakeSeed(), hashes: make(map[uint64]struct{})}
}

// add tells whether an id is new to the set.
func (s *idSet) add(id string) bool {
	before := len(s.hashes)
	s.hashes[maphash.String(s.seed, key(id))] = struct{}{}
	return len(s.hashes) > before
}
