package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"tollgate/models/database"
	"tollgate/models/problem"
)

// client calls the API of a console.
type client struct{ address, key string }

// longestCall is how long a console may take for the documents of a whole repository.
const longestCall = 90 * time.Second

func (p *program) client() (client, error) {
	c := client{strings.TrimSuffix(p.getenv("TOLLGATE_URL"), "/"), p.getenv("TOLLGATE_API_KEY")}
	switch {
	case c.address == "":
		return c, Error{exitUsage, errors.New("set TOLLGATE_URL to the address of the console, " +
			"such as http://127.0.0.1:8080")}
	case c.key == "":
		return c, Error{exitUsage, errors.New("set TOLLGATE_API_KEY to an API key of the console")}
	}
	return c, nil
}

func (c client) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, Error{exitUsage, errors.New("TOLLGATE_URL is no address")}
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// call sends a request and reads the answer into to. What the console refuses is a refusedCall.
func (c client) call(ctx context.Context, method, path string, body []byte, to any) error {
	ctx, cancel := context.WithTimeout(ctx, longestCall)
	defer cancel()
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return Error{exitAway, fmt.Errorf("the console does not answer: %w", err)}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	switch {
	case err != nil:
		return Error{exitAway, fmt.Errorf("the console does not answer: %w", err)}
	case answer.StatusCode != http.StatusOK:
		return refusalOf(answer.StatusCode, text)
	}
	if err := database.ReadDocument(text, to); err != nil {
		return Error{exitAway, fmt.Errorf("the answer is not that of a console: %w", err)}
	}
	return nil
}

// refusedCall is what the console refused, and why.
type refusedCall struct {
	status   int
	problems problem.Problems
}

func (r refusedCall) Error() string { return r.problems[0].Message }

func refusalOf(status int, text []byte) error {
	var body struct {
		Errors []struct {
			Param   string `json:"param"`
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := database.ReadDocument(text, &body); err != nil || len(body.Errors) == 0 || !json.Valid(text) {
		return Error{exitAway, fmt.Errorf("the console answers with status %d", status)}
	}
	refused := refusedCall{status: status}
	for _, e := range body.Errors {
		refused.problems = append(refused.problems, problem.Problem{Field: e.Param, Code: e.Code, Message: e.Message})
	}
	return refused
}

// code is the exit code of a refusal.
func (r refusedCall) code() int {
	switch {
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return exitNotPermitted
	case r.status == http.StatusPreconditionFailed:
		return exitStale
	case r.status >= http.StatusInternalServerError, r.status == http.StatusTooManyRequests:
		return exitAway
	}
	return codeOf(r.problems[0].Code)
}

// codeOf is the exit code of a problem.
func codeOf(code string) int {
	switch code {
	case "drift", "owned_by_other_set":
		return exitConflict
	case "test_failed":
		return exitTests
	case "too_many_deletes", "no_documents":
		return exitDeletes
	}
	return exitFailure
}
