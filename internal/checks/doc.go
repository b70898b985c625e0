// Package checks has tests, and what tests of other packages use: those rules of this repository that a program can hold, from the comments of the exported
// names to the imports of each package. Each rule is applied to the sources of the whole repository, and to samples that break it.
// CONTRIBUTING.md tells the rules in words.
package checks
