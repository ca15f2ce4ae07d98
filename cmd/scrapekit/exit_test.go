package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManualTellsExitCodes checks that the manual tells the exit codes as the help does.
func TestManualTellsExitCodes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("docs", "operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(exitCodes, "\n")[1:] {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
		if row := "| " + code + " | " + strings.TrimSpace(meaning) + " |"; !strings.Contains(string(text), row) {
			t.Errorf("the manual has no row %q", row)
		}
	}
}
