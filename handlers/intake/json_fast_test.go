package intake

import (
	"reflect"
	"strings"
	"testing"
)

// What is read in one pass is what the general reader makes of it, and nothing that it refuses.
func FuzzPlainJSON(f *testing.F) {
	for _, body := range []string{
		`{"virtual_key":"sk-bf-x","provider":"openai","model":"gpt-4o","estimated_cost":0.000001,"estimated_tokens":1,"reserve":true}`,
		` { "events" : [ {"cost":-0.5,"user_id":null} , {} , [] ,false] } ` + "\r\n\t", `{"a":1,"a":2}`, `{"a":01}`, `{"a":1.}`, `{"a":-}`, `{"a":1e5}`, `{"a":.5}`,
		`{"a":"\u00e9"}`, `{"é":"日本"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\n\"}", `{"a":"`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,}`, `{,}`, `{}{}`, `{} x`, "{}\u00a0", `{"a":[1,]}`,
		`{"a":tru}`, `{"a":nul}`, `[]`, `1`, ``, ` `, `{"":0}`, `{"a":-0}`, `{"a":[,1]}`, `{"a" "b"}`, `{"a":{"b":{"c":[[[]]]}}}`,
		strings.Repeat(`{"a":`, 16) + `1` + strings.Repeat(`}`, 16), strings.Repeat(`{"a":`, 17) + `1` + strings.Repeat(`}`, 17),
		`{"a":[` + strings.Repeat("0,", maxItems-1) + `0]}`, `{"a":[` + strings.Repeat("0,", maxItems) + `0]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		plain, ok := readFast(body)
		if !ok {
			return
		}
		if any, err := parseAny(body); err != nil || !reflect.DeepEqual(any, plain) {
			t.Errorf("%q is read in one pass as %+v, and else as %+v, %v", body, plain, any, err)
		}
	})
}

// What programs send is read in one pass.
func TestPlainJSON(t *testing.T) {
	for _, body := range []string{
		`{"virtual_key":"sk-bf-x","provider":"openai","model":"gpt-4o","estimated_cost":0.000001,"estimated_tokens":1,"reserve":true}`,
		`{ "events": [{"user_id": null, "model": "日本", "requests": -1}, {}, []] }`, strings.Repeat(`{"a":`, 16) + `1` + strings.Repeat(`}`, 16),
	} {
		if _, ok := readFast([]byte(body)); !ok {
			t.Errorf("%s is not read in one pass", body)
		}
	}
}
