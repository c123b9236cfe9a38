package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/models/entitlement"
	"tollgate/models/problem"
)

// forwarded is what a forwarded body calls.
type forwarded struct {
	empty    bool               // or passed unread
	models   []entitlement.Call // every model that it can lead to
	messages []message          // of JSON-RPC
	untyped  []byte             // what the media type does not call JSON, and was not read
}

// message is one of JSON-RPC: its method, and the name in its params.
type message struct{ method, tool string }

// Why a body was not read at all, in which case the proxy may name the model instead.
var unread = map[string]bool{"body_too_large": true, "partial_body": true, "unsupported_media_type": true}

func isUnread(err error) bool {
	refusal, ok := problem.AsRefusal(err)
	return ok && unread[refusal.Problems[0].Code]
}

// forwardedBody reads the fields of a forwarded body that decide, as strictly as any body: what two readers could read
// in two ways is refused. It ignores all other fields, to any depth.
func (d door) forwardedBody(c *gin.Context) (forwarded, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, intake.MaxBody))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return forwarded{}, problem.Refuse(problem.TooLarge, "", "body_too_large", "The body is larger than 1 MiB.")
	case err != nil:
		return forwarded{}, intake.Unreadable("", "incomplete_body", "Forward the whole body, or none.")
	case len(body) == 0:
		return forwarded{empty: true}, nil
	case d.own && strings.EqualFold(c.GetHeader("X-Envoy-Auth-Partial-Body"), "true"): // elsewhere it is the client's
		return forwarded{}, problem.Refuse(problem.Forbidden, "", "partial_body", "Only a part of the body was forwarded.")
	case !isJSON(c.Request.Header):
		return forwarded{untyped: body}, problem.Refuse(problem.Forbidden, "", "unsupported_media_type",
			"The media type does not say that the body is JSON.")
	case !json.Valid(body):
		return forwarded{}, intake.Unreadable("", "invalid_json", "The media type says JSON, but the body is not valid JSON.")
	}
	return readForwarded(body)
}

// besideName is the body of a call of which the path or a header of the proxy names the model or the tool. What follows
// there may still go by the body. The client chooses its media type, so a body that is JSON is judged as JSON under any
// media type; of all other bodies only files pass unread.
func (d door) besideName(header http.Header) (forwarded, error) {
	body, err := d.body()
	text := bytes.TrimSpace(bytes.TrimPrefix(body.untyped, []byte("\ufeff")))
	switch {
	case !isUnread(err):
		return body, err
	case len(body.untyped) == 0: // only a part of it came, or it is too large
		return forwarded{empty: true}, nil
	case isEncoded(header):
		return forwarded{}, problem.Refuse(problem.Forbidden, "", "unsupported_media_type",
			"Send the body without Content-Encoding: it has to be read.")
	case len(text) > 0 && (text[0] == '{' || text[0] == '[') && json.Valid(text):
		return readForwarded(text)
	case isFile(header) && (len(text) == 0 || text[0] != '{' && text[0] != '['):
		return forwarded{empty: true}, nil
	}
	return forwarded{}, problem.Refuse(problem.Forbidden, "", "unsupported_media_type",
		"Send the body as JSON, as a form with files (multipart), or as audio or an image.")
}

// readForwarded reads a body that is valid JSON.
func readForwarded(body []byte) (forwarded, error) {
	body = bytes.TrimSpace(body)
	switch body[0] {
	case '{':
		return readCall(body)
	case '[':
		return readCalls(body)
	}
	return forwarded{}, intake.Unreadable("", "wrong_type", "Forward one call as a JSON object.")
}

// isJSON reports whether a media type says JSON in UTF-8.
func isJSON(header http.Header) bool {
	types := header.Values("Content-Type")
	if len(types) != 1 || isEncoded(header) {
		return false
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

func isEncoded(header http.Header) bool {
	return strings.Join(header.Values("Content-Encoding"), "") != ""
}

// isFile reports whether a media type is one of bodies that bring files.
func isFile(header http.Header) bool {
	types := header.Values("Content-Type")
	if len(types) != 1 {
		return false
	}
	media, _, err := mime.ParseMediaType(types[0])
	kind, _, _ := strings.Cut(media, "/")
	return err == nil && (kind == "multipart" || kind == "audio" || kind == "image")
}

// readCall reads one object.
func readCall(body []byte) (forwarded, error) {
	members, err := intake.DecidingMembers(body, append([]string{"model", "method", "params"}, fallbackLists...)...)
	if err != nil {
		return forwarded{}, err
	}
	var f forwarded
	if f.models, err = readModels(members); err != nil {
		return f, err
	}
	raw, ok := members["method"]
	if !ok || raw[0] != '"' && len(f.models) > 0 {
		return f, nil // a fine-tuning job has a method that is an object
	}
	var one message
	if one.method, err = intake.TextIn("method", raw); err != nil {
		return f, err
	}
	if len(f.models) > 0 {
		return f, intake.Unreadable("", "ambiguous_question", "Ask for a model or for a tool, not both.")
	}
	if params, ok := members["params"]; ok && params[0] == '{' {
		inside, err := intake.DecidingMembers(params, "name")
		if err != nil {
			return f, err
		}
		if name, ok := inside["name"]; ok {
			if one.tool, err = intake.TextIn("params.name", name); err != nil {
				return f, err
			}
		}
	}
	f.messages = []message{one}
	return f, nil
}

// readCalls reads a batch of JSON-RPC.
func readCalls(body []byte) (forwarded, error) {
	var all forwarded
	for raw := range intake.Elements(body) {
		if raw[0] != '{' {
			return all, intake.Unreadable("", "wrong_type", "Forward a batch as a list of JSON objects.")
		}
		one, err := readCall(raw)
		switch {
		case err != nil:
			return all, err
		case len(one.messages) == 0:
			return all, intake.Unreadable("", "wrong_type",
				"Forward one call as a JSON object; only JSON-RPC may be sent as a list.")
		case len(all.messages) == mostModels:
			return all, intake.Unreadable("", "too_many_items", "A batch may hold at most 50 messages.")
		}
		all.messages = append(all.messages, one.messages...)
	}
	if len(all.messages) == 0 {
		return all, intake.Unreadable("", "wrong_type", "Forward one call as a JSON object.")
	}
	return all, nil
}

// fallbackLists are the members in which bodies list further models, also those of LiteLLM.
var fallbackLists = []string{
	"fallbacks", "models", "fallback_models", "context_window_fallbacks", "content_policy_fallbacks",
}

// readModels are the models that an object names: the one it asks for, and those that a gateway may fall back to.
func readModels(members map[string][]byte) (named []entitlement.Call, err error) {
	if raw, ok := members["model"]; ok {
		text, err := intake.TextIn("model", raw)
		if err != nil {
			return nil, err
		}
		named = append(named, entitlement.Call{Model: text})
	}
	for _, list := range fallbackLists {
		raw, ok := members[list]
		switch {
		case !ok, string(raw) == "null":
			continue
		case raw[0] != '[':
			return nil, notUnderstood(list)
		}
		for entry := range intake.Elements(raw) {
			one, err := readFallback(list, entry)
			if err != nil {
				return nil, err
			}
			if named = append(named, one); len(named) > mostModels {
				return nil, intake.Unreadable(list, "too_many_items", "A call may name at most 50 models.")
			}
		}
	}
	return named, nil
}

// readFallback reads one model that is named as text, or as an object of provider and model.
func readFallback(list string, raw []byte) (q entitlement.Call, err error) {
	switch raw[0] {
	case '"':
		q.Model, err = intake.TextIn(list, raw)
		return q, err
	case '{':
		members, err := intake.DecidingMembers(raw, "provider", "model", "fallbacks", "models")
		if err != nil {
			return q, err
		}
		if members["fallbacks"] != nil || members["models"] != nil || members["model"] == nil {
			return q, notUnderstood(list)
		}
		if q.Model, err = intake.TextIn(list+".model", members["model"]); err != nil || members["provider"] == nil {
			return q, err
		}
		q.Provider, err = intake.TextIn(list+".provider", members["provider"])
		return q, err
	}
	return q, notUnderstood(list)
}

func notUnderstood(list string) error {
	return intake.Unreadable(list, "wrong_type", "Name each of "+list+" as text, or as an object with provider and model.")
}
