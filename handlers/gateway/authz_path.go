package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tollgate/models/problem"
)

// pathForm finds the model in the segments of a path, from one segment on; "" when they are of another form. In doubt
// it finds one: a model that is found has to be allowed.
type pathForm func(segments []string) string

// pathForms are the APIs that name the model in the path.
var pathForms = map[string]pathForm{"gemini": geminiModel, "bedrock": bedrockModel, "azure": azureModel}

// geminiModel reads …/models/M:verb, of Gemini and of Vertex AI, and its siblings for tuned models and endpoints.
func geminiModel(segments []string) string {
	kind := strings.ToLower(segments[0])
	if kind != "models" && kind != "tunedmodels" && kind != "endpoints" {
		return ""
	}
	rest := strings.Join(segments[1:], "/")
	at := strings.LastIndexByte(rest, ':')
	switch {
	case at < 0:
		return ""
	case kind == "models":
		return rest[:at]
	}
	return segments[0] + "/" + rest[:at]
}

// bedrockModel reads …/model/M/invoke and its siblings; M may be an ARN, whose slash need not be encoded.
func bedrockModel(segments []string) string {
	last := len(segments) - 1
	if last < 2 || !strings.EqualFold(segments[0], "model") {
		return ""
	}
	return strings.Join(segments[1:last], "/")
}

// azureModel reads …/openai/deployments/D/… of Azure, and …/engines/D/… of its first version.
func azureModel(segments []string) string {
	if len(segments) > 2 && (strings.EqualFold(segments[0], "deployments") || strings.EqualFold(segments[0], "engines")) {
		return segments[1]
	}
	return ""
}

// pathNames is what the path of a call names.
type pathNames struct {
	named    []string // models that the gateway behind goes by
	inQuery  []string // models of a realtime call, which is a GET; beside others they have to be allowed too
	realtime bool     // the gateway behind goes by the query
}

// bare is a model of a body as the path has it: a body of Gemini writes models/M.
func (p pathNames) bare(model string) string {
	if len(p.named) > 0 {
		return strings.TrimPrefix(model, "models/")
	}
	return model
}

// pathModels reads the path of a call: any form where it is the call's own, else the one that the proxy names.
func (d door) pathModels(o options) (names pathNames, err error) {
	if d.path == "" {
		return names, nil
	}
	raw, query, _ := strings.Cut(d.path, "?")
	names.inQuery, names.realtime = modelsInQuery(query), isRealtime(raw)
	forms := []pathForm{pathForms[o.path]}
	switch {
	case d.own && o.path == "":
		forms = []pathForm{geminiModel, bedrockModel, azureModel}
	case o.path == "":
		return names, nil
	}
	readings, ok := segmentsOf(raw)
	if !ok {
		return names, problem.Refuse(problem.Forbidden, "", "ambiguous_path",
			"Write the path without . and .. segments, without ; # \\ and ?, and percent-encoded once.")
	}
	for _, segments := range readings {
		for i := range segments {
			for _, form := range forms {
				model := form(segments[i:])
				if model != "" && !d.listsFineTuned(model) && !slices.Contains(names.named, model) {
					names.named = append(names.named, model)
				}
			}
		}
	}
	return names, nil
}

// isRealtime reports whether a path is that of a realtime API in both readings: /v1/realtime, /openai/realtime.
func isRealtime(raw string) bool {
	readings, ok := segmentsOf(raw)
	return ok && !slices.ContainsFunc(readings[:], func(segments []string) bool {
		return len(segments) == 0 || segments[len(segments)-1] != "realtime"
	})
}

// listsFineTuned reports whether a GET asks what OpenAI knows of a fine-tuned model, whose name has colons and is
// followed by no verb.
func (d door) listsFineTuned(model string) bool {
	return d.method == http.MethodGet && strings.HasPrefix(model, "ft:")
}

// segmentsOf are the decoded segments of an escaped path, without empty ones, in both readings of an encoded slash. A
// path that the gateway behind may read as another one is refused: ok is false.
func segmentsOf(raw string) (readings [2][]string, ok bool) {
	for part := range strings.SplitSeq(raw, "/") {
		segment, err := url.PathUnescape(part)
		if err != nil || strings.ContainsAny(segment, "\\;#?%") || strings.ContainsFunc(segment, isControl) {
			return readings, false
		}
		if segment != "" {
			readings[0] = append(readings[0], segment)
		}
		for inner := range strings.SplitSeq(segment, "/") {
			if inner == "." || inner == ".." {
				return readings, false
			}
			if inner != "" {
				readings[1] = append(readings[1], inner)
			}
		}
	}
	return readings, strings.HasPrefix(raw, "/")
}

// modelsInQuery are the models that a query names, in any reading: a pair that is wrong does not hide another one.
func modelsInQuery(query string) (named []string) {
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' || r == '#' }) {
		name, value, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		if value != "" && (strings.EqualFold(name, "model") || strings.EqualFold(name, "deployment")) {
			named = append(named, value)
		}
	}
	return named
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }
