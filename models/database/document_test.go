package database_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"tollgate/models/database"
	"tollgate/models/money"
)

type embedded struct {
	Zone string `json:"zone"`
}

type line struct {
	Name  string       `json:"name"`
	Limit *money.Money `json:"limit"`
}

type stored struct {
	embedded
	Name    string    `json:"name"`
	Note    *string   `json:"note,omitempty"`
	Lines   []line    `json:"lines"`
	One     *line     `json:"one"`
	Tags    []string  `json:"tags"`
	At      time.Time `json:"at"`
	Skipped string    `json:"-"`
	Plain   string
}

// A member whose name differs from a field's in its case only is not that field, at any depth.
func TestDocumentsAreReadByExactNames(t *testing.T) {
	const document = `{"zone":"UTC","Zone":"x","name":"kept","NAME":"x","note":"n","lines":[{"name":"a","Name":"x","limit":1.5},{"LIMIT":2}],
"one":{"name":"b","nAme":"x"},"tags":["t"],"at":"2026-01-02T03:04:05Z","Skipped":"x","-":"x","Plain":"p","plain":"x","unknown":{}}`
	var got stored
	if err := database.ReadDocument([]byte(document), &got); err != nil {
		t.Fatal(err)
	}
	note, limit := "n", money.Money(1_500_000_000)
	want := stored{
		embedded: embedded{"UTC"}, Name: "kept", Note: &note, Lines: []line{{"a", &limit}, {}}, One: &line{Name: "b"},
		Tags: []string{"t"}, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Plain: "p",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What was written is read back the same, also null and empty lists.
func TestDocumentsAreReadAsWritten(t *testing.T) {
	for _, value := range []stored{{}, {Lines: []line{}, Tags: []string{}}, {embedded: embedded{"UTC"}, One: &line{}}} {
		written, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var got stored
		if err := database.ReadDocument(written, &got); err != nil || !reflect.DeepEqual(got, value) {
			t.Errorf("%s: got %+v, %v", written, got, err)
		}
	}
	for _, broken := range []string{"", "{", "[]", `{"lines":7}`, `{"lines":[{"limit":"x"}]}`, "7"} {
		if err := database.ReadDocument([]byte(broken), &stored{}); err == nil {
			t.Errorf("%q is read", broken)
		}
	}
}
