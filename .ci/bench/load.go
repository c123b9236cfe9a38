package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// target is one request, sent over and over.
type target struct {
	method, url string
	header      http.Header
	body        func() []byte // nil for none
	status      int
	workers     int
}

// result is what came of loading a target.
type result struct {
	rate          float64 // answers a second
	p50, p95, p99 time.Duration
}

// load keeps the target's workers busy for a time, each over a connection of its own. Any answer but the expected one
// is an error.
func (t target) load(ctx context.Context, d time.Duration) (result, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: t.workers, MaxConnsPerHost: t.workers, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	var (
		group sync.WaitGroup
		took  = make([][]time.Duration, t.workers)
		errs  = make([]error, t.workers)
		begin = time.Now()
	)
	for i := range t.workers {
		group.Go(func() {
			for errs[i] == nil && time.Since(begin) < d {
				sent := time.Now()
				_, errs[i] = t.send(ctx, client, io.Discard)
				took[i] = append(took[i], time.Since(sent))
			}
		})
	}
	group.Wait()
	elapsed := time.Since(begin)
	for _, err := range errs {
		if err != nil {
			return result{}, err
		}
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return result{float64(len(all)) / elapsed.Seconds(), all[len(all)/2], all[len(all)*95/100], all[len(all)*99/100]}, nil
}

// answered is an answer of another status than the one expected.
type answered struct {
	request, text string
	status        int
}

func (a answered) Error() string {
	return fmt.Sprintf("%s: status %d: %.500s", a.request, a.status, a.text)
}

// send sends the request once and copies the answer's body.
func (t target) send(ctx context.Context, client *http.Client, to io.Writer) (http.Header, error) {
	var body io.Reader
	if t.body != nil {
		body = bytes.NewReader(t.body())
	}
	request, err := http.NewRequestWithContext(ctx, t.method, t.url, body)
	if err != nil {
		return nil, err
	}
	request.Header = t.header
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != t.status {
		text, _ := io.ReadAll(response.Body)
		return nil, answered{t.method + " " + t.url, string(text), response.StatusCode}
	}
	_, err = io.Copy(to, response.Body)
	return response.Header, err
}

// once sends the request and returns the body of the answer.
func (t target) once(ctx context.Context) ([]byte, http.Header, error) {
	var body bytes.Buffer
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	header, err := t.send(ctx, client, &body)
	return body.Bytes(), header, err
}
