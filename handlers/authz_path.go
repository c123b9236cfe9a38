package handlers

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"tollgate/models"
)

// pathForm finds the model in the segments of a path, from one segment on; "" when they are of another form.
type pathForm func(segments []string) string

// pathForms are the APIs that name the model in the path.
var pathForms = map[string]pathForm{"gemini": geminiModel, "bedrock": bedrockModel, "azure": azureModel}

var (
	geminiVerb  = regexp.MustCompile(`^(.+):[A-Za-z]+$`)
	bedrockVerb = regexp.MustCompile(`^(invoke|invoke-with-response-stream|invoke-with-bidirectional-stream|converse|converse-stream|count-tokens)$`)
)

// geminiModel reads …/models/M:verb, of Gemini and of Vertex AI. A fine-tuned model of OpenAI has colons too, and no verb.
func geminiModel(segments []string) string {
	if len(segments) < 2 || !strings.EqualFold(segments[0], "models") || strings.HasPrefix(segments[1], "ft:") {
		return ""
	}
	if match := geminiVerb.FindStringSubmatch(segments[1]); match != nil {
		return match[1]
	}
	return ""
}

// bedrockModel reads …/model/M/invoke and its siblings; M may be an ARN, whose slash need not be encoded.
func bedrockModel(segments []string) string {
	if len(segments) < 3 || !strings.EqualFold(segments[0], "model") {
		return ""
	}
	if last := len(segments) - 1; bedrockVerb.MatchString(strings.ToLower(segments[last])) {
		return strings.Join(segments[1:last], "/")
	}
	return ""
}

// azureModel reads …/openai/deployments/D/… of Azure, and …/engines/D/… of its first version.
func azureModel(segments []string) string {
	switch {
	case len(segments) > 3 && strings.EqualFold(segments[0], "openai") && strings.EqualFold(segments[1], "deployments"):
		return segments[2]
	case len(segments) > 2 && strings.EqualFold(segments[0], "engines"):
		return segments[1]
	}
	return ""
}

// pathNames is what the path of a call names.
type pathNames struct {
	named   []string // models that the gateway behind goes by
	inQuery []string // models of a realtime call, which is a GET
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
	if values, err := url.ParseQuery(query); err == nil && d.method == http.MethodGet {
		names.inQuery = slices.Concat(values["model"], values["deployment"])
	}
	forms := []pathForm{pathForms[o.path]}
	switch {
	case d.own && o.path == "":
		forms = []pathForm{geminiModel, bedrockModel, azureModel}
	case o.path == "":
		return names, nil
	}
	segments, ok := segmentsOf(raw)
	if !ok {
		return names, models.Refuse(models.Forbidden, "", "ambiguous_path", "Write the path without . or .. segments.")
	}
	for _, form := range forms {
		for i := range segments {
			if model := form(segments[i:]); model != "" {
				names.named = append(names.named, model)
			}
		}
	}
	return names, nil
}

// segmentsOf are the decoded segments of an escaped path, without empty ones. A path that the gateway behind may read as another one is
// refused: ok is false.
func segmentsOf(raw string) (segments []string, ok bool) {
	for part := range strings.SplitSeq(raw, "/") {
		segment, err := url.PathUnescape(part)
		if err != nil || strings.ContainsAny(segment, "\\\x00") {
			return nil, false
		}
		for inner := range strings.SplitSeq(segment, "/") {
			if inner == "." || inner == ".." {
				return nil, false
			}
		}
		if segment != "" {
			segments = append(segments, segment)
		}
	}
	return segments, path.IsAbs(raw)
}
