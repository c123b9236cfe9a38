package webtest

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"testing"
)

func TestReplay(t *testing.T) {
	f, _ := os.Open("/tmp/oa/sample.jsonl")
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var r struct {
			M, P, Ct, In, Out string
			S                 int
		}
		json.Unmarshal(s.Bytes(), &r)
		req := &http.Request{Method: r.M, URL: &url.URL{Path: r.P}}
		res := &http.Response{StatusCode: r.S, Header: http.Header{"Content-Type": {r.Ct}}}
		if err := CheckContract(req, []byte(r.In), res, []byte(r.Out)); err != nil {
			t.Errorf("%v\n%.300s", err, r.Out)
		}
	}
}
