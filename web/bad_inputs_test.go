package web_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"tollgate/models/modelstest"
	"tollgate/web/webtest"
)

func badInputs(t *testing.T) []webtest.BadInput {
	t.Helper()
	file, err := os.Open("testdata/bad_inputs.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var rows []webtest.BadInput
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var row webtest.BadInput
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

func TestBadInputs(t *testing.T) {
	shared := webtest.NewCast(t)
	var before string
	shared.Scan(&before, webtest.Everything)
	for n, row := range badInputs(t) {
		paths := []string{row.Path}
		// Both names of a path have one handler: outside make soak, every fifth row is sent to the other one, too.
		if rest, ok := strings.CutPrefix(row.Path, "/api/"); ok && (modelstest.Soaks() || n%5 == 0) {
			paths = append(paths, "/api/governance/"+rest)
		}
		for _, path := range paths {
			t.Run(row.ID+" "+strings.Split(path, "access")[0], func(t *testing.T) {
				c := shared
				if row.Status < 400 || strings.HasPrefix(row.ID, "LOGIN") {
					c = webtest.NewCast(t)
				}
				answer := c.Play(t, row, path)
				checkBadInput(t, row, answer)
				if row.Status < 400 {
					return
				}
				var after string
				c.T = t
				if c.Scan(&after, webtest.Everything); c.Console == shared.Console && after != before {
					before = after
					t.Error("a refused request changed something")
				}
			})
		}
	}
}

func checkBadInput(t *testing.T, row webtest.BadInput, a webtest.Answer) {
	t.Helper()
	if a.Is(row.Status); row.Code != "" {
		var code string
		if strings.HasPrefix(row.Path, "/api/") {
			problem, _ := a.JSON()["error"].(map[string]any)
			code, _ = problem["code"].(string)
		} else {
			code = webtest.Attribute(a.One("main"), "data-error-code")
		}
		if code != row.Code {
			t.Errorf("code %q, want %q\n%.600s", code, row.Code, a.Body)
		}
	}
	if strings.HasPrefix(row.ID, "LOGIN") && row.Status == http.StatusSeeOther && a.Header.Get("Location") != "/" {
		t.Errorf("leads to %q", a.Header.Get("Location"))
	}
}
