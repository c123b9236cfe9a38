package archive

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// Rows are read back as they were written, in either format: what is not there stays apart from what is zero.
func TestFormatsKeepRows(t *testing.T) {
	id, zero, text, strange := uuid.New(), int64(0), "", "a, \"b\"\n'c' \u2028 <é>"
	events := []Event{
		{
			EventID: id, EventName: &strange, UserID: strange, VirtualKeyID: &strange, CopyID: &zero, OccurredAt: -1,
			ReceivedAt: 1<<63 - 1, Provider: "p", Cost: &zero, CostComputed: true, Tokens: 12, LineIDs: []string{"1", strange},
			LineKinds: []string{"spend", "tokens"}, LineDurations: []string{"1d", text}, WindowStarts: []int64{-5, 5},
		},
		{
			Estimated: true, InputTokens: &zero, LineIDs: []string{}, LineKinds: []string{}, LineDurations: []string{},
			WindowStarts: []int64{},
		},
	}
	rows := []AuditRow{{ID: -3, Actor: strange, NewValues: &strange, Hash: []byte{0, 255, 10}}, {Actor: text, Hash: []byte{1}}}
	for _, format := range []Format{Parquet, CSV} {
		keepsRows(t, format, events)
		keepsRows(t, format, rows)
	}
}

func keepsRows[T any](t *testing.T, format Format, rows []T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), format.file("week"))
	err := write(path, func(use func(T) error) error {
		for _, row := range rows {
			if err := use(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []T
	_, err = read(path, func(row T) error {
		got = append(got, row)
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, rows) {
		t.Errorf("%s: got %+v, %v, want %+v", format, got, err, rows)
	}
}

// A file of other rows is refused instead of being read into the wrong columns.
func TestCSVOfOtherRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), CSV.file("week"))
	if err := write(path, func(use func(AuditRow) error) error { return use(AuditRow{Hash: []byte{1}}) }); err != nil {
		t.Fatal(err)
	}
	_, err := read(path, func(Event) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "it has not the columns that were written") {
		t.Errorf("events read from audit rows: %v", err)
	}
}
