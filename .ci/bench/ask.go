package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// ask sends JSON to the API once and reads the answer, when it is a success. Without a body it sends none.
func (c *console) ask(ctx context.Context, method, path string, body, answer any) (status int, err error) {
	var sent, got bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return 0, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, &sent)
	if err != nil {
		return 0, err
	}
	request.Header = http.Header{"Authorization": {"Bearer " + c.key}, "Content-Type": {"application/json"}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if _, err := got.ReadFrom(response.Body); err != nil {
		return 0, err
	}
	if response.StatusCode/100 != 2 {
		return response.StatusCode, fmt.Errorf("%s %s: status %d: %.500s", method, path, response.StatusCode, got.String())
	}
	if answer != nil {
		err = json.Unmarshal(got.Bytes(), answer)
	}
	return response.StatusCode, err
}
