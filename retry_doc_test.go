package azdps_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRetryTableOfTheDocumentation compares the tables of doc.go with those that the tests run.
func TestRetryTableOfTheDocumentation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	retries := [][]string{append([]string{"each try meets"}, retryColumns...)}
	for _, row := range retryTable {
		line := []string{row.fault}
		for _, cell := range row.cells {
			line = append(line, cell.String())
		}
		retries = append(retries, line)
	}
	lost := [][]string{append([]string{"the next try meets"}, lostColumns...)}
	for _, row := range lostTable {
		line := []string{row.retry}
		for _, cell := range row.cells {
			if cell == refusal {
				cell = "-"
			}
			line = append(line, string(cell))
		}
		lost = append(lost, line)
	}
	for _, table := range []string{block(retries), block(lost)} {
		require.Contains(t, string(text), table, "doc.go should have this:\n%s", table)
	}
}

// block aligns the columns of a table as doc.go writes them.
func block(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-len(cell)+2))
		}
		out.WriteString("\t" + strings.TrimRight(line.String(), " ") + "\n")
	}
	return "\n" + out.String() + "\n"
}
