// Package stub is a service for benchmarks: it answers at once, checks nothing and keeps nothing. Every record that it returns is
// different from the others, and the same each time, so that all clients read the same bytes and none gains from having seen them.
package stub
