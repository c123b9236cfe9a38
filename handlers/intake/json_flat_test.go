package intake

import (
	"reflect"
	"testing"

	"tollgate/models/input"
)

type flatInput struct {
	input.Row
	Key     input.Value             `json:"key"`
	Cost    input.Value             `json:"cost"`
	Reserve input.Value             `json:"reserve"`
	ID      input.Value             `json:"id,readonly"`
	Old     input.Value             `json:"old,unsupported" default:"false"`
	Events  input.List[input.Value] `json:"events"`
	Embedded
}

type Embedded struct {
	Model input.Value `json:"model"`
}

// What is read straight into a struct is what a Binder makes of it, and nothing that it refuses.
func FuzzFlatJSON(f *testing.F) {
	for _, body := range []string{
		`{"key":"sk-bf-x","cost":0.000001,"reserve":true,"model":null}`, ` { "key" : "日本" , "cost" : -1 } ` + "\r\n\t",
		`{}`, ``, ` `, `{"Key":"a"}`, `{"key":"a","key":"b"}`, `{"key":null,"key":"b"}`, `{"key":"a","x":1}`, `{"id":1}`, `{"old":true}`, `{"old":false}`,
		`{"key":{}}`, `{"key":[]}`, `{"events":[1]}`, `{"events":1}`, `{"key":"\u00e9"}`, "{\"key\":\"\xff\"}", "{\"key\":\"\x00\"}", `{"cost":01}`, `{"cost":1e5}`,
		`{"key":"a",}`, `{"key":"a"`, `{"key":"a"}}`, `{"key":"a"} {}`, `{"key" "a"}`, `{"key":}`, `{,}`, `[]`, `1`, `{"":0}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var flat flatInput
		if !ReadFlat(body, &flat) {
			if !reflect.DeepEqual(flat, flatInput{}) {
				t.Errorf("%q leaves %+v", body, flat)
			}
			return
		}
		root, err := parseAny(body)
		if err != nil {
			t.Fatalf("%q is read as %+v, and else refused: %v", body, flat, err)
		}
		if bound, err := bound(&Binder{}, root, flatInput{}); err != nil || !reflect.DeepEqual(bound, flat) {
			t.Errorf("%q is read as %+v, and else as %+v, %v", body, flat, bound, err)
		}
	})
}

// What gateways send most is read straight.
func TestFlatJSON(t *testing.T) {
	var in flatInput
	if !ReadFlat([]byte(`{"key":"sk-bf-x","model":"gpt-4o","cost":0.000001,"reserve":false}`), &in) || in.Model.Text != "gpt-4o" {
		t.Errorf("%+v", in)
	}
}
