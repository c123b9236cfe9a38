package discovery

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/problem"
)

// An answer of an MCP server is read here first, by exact names: the protocol's library takes the last of two members
// with one name, and rejects the whole list for one entry that it cannot read. It gets a list of the valid names, and
// nothing else of the entries.

var errTwoMembers = errors.New("two members have one name")

// jsonMembers are the members of an object by their exact names. Two of one name are an error.
func jsonMembers(document []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.Join(err, errors.New("no object"))
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := members[name]; twice {
			return nil, errTwoMembers
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		members[name] = value
	}
	_, err := decoder.Token()
	return members, err
}

// cleanAnswer reduces the lists of tools in an answer to valid tools.
func (o *outboundCall) cleanAnswer(response *http.Response) error {
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	body := response.Body
	switch media {
	case "application/json":
		content, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		if content, err = o.cleanMessage(content); err != nil {
			return err
		}
		response.Body = readCloser{bytes.NewReader(content), body}
		response.ContentLength = int64(len(content))
		response.Header.Set("Content-Length", strconv.Itoa(len(content)))
	case "text/event-stream":
		response.Body = readCloser{&eventReader{lines: bufio.NewReader(body), clean: o.cleanMessage}, body}
	}
	return nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// eventReader forwards a stream of events, each cleaned when it is complete.
type eventReader struct {
	lines *bufio.Reader
	clean func([]byte) ([]byte, error)
	ready bytes.Buffer
	err   error
}

func (r *eventReader) Read(p []byte) (int, error) {
	for r.ready.Len() == 0 && r.err == nil {
		r.err = r.event()
	}
	if r.ready.Len() > 0 {
		return r.ready.Read(p)
	}
	return 0, r.err
}

// event reads the lines up to the next empty one. Its lines of data are one message.
func (r *eventReader) event() error {
	var data [][]byte
	for {
		line, err := r.lines.ReadBytes('\n')
		text := bytes.TrimRight(line, "\r\n")
		if value, found := bytes.CutPrefix(text, []byte("data:")); found {
			data = append(data, bytes.TrimPrefix(value, []byte(" ")))
		} else if len(text) > 0 {
			r.ready.Write(append(text, '\n'))
		}
		if len(text) > 0 && err == nil {
			continue
		}
		if len(data) > 0 {
			message, broken := r.clean(bytes.Join(data, []byte("\n")))
			if broken != nil {
				return broken
			}
			for part := range bytes.SplitSeq(message, []byte("\n")) {
				r.ready.WriteString("data: " + string(part) + "\n")
			}
		}
		r.ready.WriteString("\n")
		return err
	}
}

// cleanMessage returns a message as it is, or with its list of tools cleaned.
func (o *outboundCall) cleanMessage(message []byte) ([]byte, error) {
	if trimmed := bytes.TrimSpace(message); len(trimmed) == 0 || trimmed[0] != '{' {
		return message, nil
	}
	envelope, err := jsonMembers(message)
	if err != nil {
		return nil, fmt.Errorf("read an MCP message: %w", err)
	}
	if result := bytes.TrimSpace(envelope["result"]); len(result) == 0 || result[0] != '{' {
		return message, nil
	}
	result, err := jsonMembers(envelope["result"])
	if err != nil {
		return nil, fmt.Errorf("read an MCP result: %w", err)
	}
	var entries []json.RawMessage
	if json.Unmarshal(result["tools"], &entries) != nil || entries == nil {
		return message, nil
	}
	if result["tools"], err = json.Marshal(o.fitTools(entries)); err != nil {
		return nil, err
	}
	if envelope["result"], err = json.Marshal(result); err != nil {
		return nil, err
	}
	return json.Marshal(envelope)
}

// fitTools returns the entries of a list whose names a policy can store, and records the others.
func (o *outboundCall) fitTools(entries []json.RawMessage) []json.RawMessage {
	fit := []json.RawMessage{}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	for _, entry := range entries {
		o.entries++
		var name string
		members, err := jsonMembers(entry)
		switch {
		case err != nil || json.Unmarshal(members["name"], &name) != nil || string(members["name"]) == "null" || o.leaks(name):
			o.skipped = append(o.skipped, "entry "+strconv.Itoa(o.entries)+" of the answer")
		case !mcptool.ToolName.MatchString(name):
			o.skipped = append(o.skipped, toolLabel(name))
		default:
			o.describe(name, members["description"])
			fit = append(fit, json.RawMessage(`{"name":"`+name+`","inputSchema":{"type":"object"}}`))
		}
	}
	return fit
}

// toolLabel is an invalid name, quoted so that every character is visible.
func toolLabel(name string) string {
	if name = problem.Clip(name); input.Legible(name, false) && !strings.ContainsAny(name, `"\`) {
		return `"` + name + `"`
	}
	return strconv.QuoteToASCII(name)
}
