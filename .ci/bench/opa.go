package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"tollgate/models/policy"
	"tollgate/models/profile"
)

const opaPath = "github.com/open-policy-agent/opa"

// opaPolicy decides what the console decides of a model, from data laid out for it: the limits of each provider of a
// profile are those in all and its own.
const opaPolicy = `package tollgate

held := data.keys[input.virtual_key]

profile := data.profiles[held.profile]

config := profile.providers[input.provider]

granted if config.all

granted if config.models[input.model]

asked := {"spend": input.estimated_cost, "tokens": input.estimated_tokens, "requests": 1}

short contains line.n if {
	some line in config.lines
	held.used[line.n] + asked[line.kind] > line.limit
}

default decision := {"decision": false, "type": "access_blocked"}

decision := {
	"decision": true, "type": "allowed", "status_code": 200, "payer": {"id": held.id, "name": profile.name},
	"limits": [object.union(line, {"used": held.used[line.n]}) | some line in config.lines],
} if {
	granted
	count(short) == 0
}
`

type opaLine struct {
	N      int     `json:"n"` // its place among what the key has used
	Scope  string  `json:"scope"`
	Kind   string  `json:"kind"`
	Limit  float64 `json:"limit"`
	Window string  `json:"window"`
}

type opaConfig struct {
	All    bool            `json:"all"`
	Models map[string]bool `json:"models"`
	Lines  []opaLine       `json:"lines"`
}

type opaProfile struct {
	Name      string               `json:"name"`
	Providers map[string]opaConfig `json:"providers"`
	lines     int
}

type opaKey struct {
	ID      int    `json:"id"`
	Profile string `json:"profile"`
	Used    []int  `json:"used"`
}

// startOPA starts its server with all keys in its memory.
func (b *bench) startOPA(ctx context.Context, g *gateway) (*process, target, error) {
	profiles, keys := map[string]opaProfile{}, make(map[string]opaKey, len(g.keys))
	for _, t := range g.templates {
		profiles[t.Name] = opaProfileOf(t)
	}
	for n, key := range g.keys {
		name := g.template(n).Name
		keys[key] = opaKey{n, name, make([]int, profiles[name].lines)}
	}
	data, err := json.Marshal(map[string]any{"profiles": profiles, "keys": keys})
	if err != nil {
		return nil, target{}, err
	}
	dataFile, policyFile := filepath.Join(b.dir, "opa.json"), filepath.Join(b.dir, "opa.rego")
	for name, content := range map[string][]byte{dataFile: data, policyFile: []byte(opaPolicy)} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			return nil, target{}, err
		}
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, target{}, err
	}
	p, err := b.startPeer(ctx, "opa", opaPath, addr, "/health",
		"run", "--server", "--addr", addr, "--log-level", "error", "--disable-telemetry", dataFile, policyFile)
	if err != nil {
		return nil, target{}, err
	}
	t := p.get("/v1/data/tollgate/decision")
	t.method, t.header, t.workers = http.MethodPost, http.Header{"Content-Type": {"application/json"}}, askers
	t.body = func() []byte { return slices.Concat([]byte(`{"input":`), question(g.anyKey(), false), []byte(`}`)) }
	return p, t, allows(ctx, t, "result", "decision")
}

func opaProfileOf(t profile.Profile) opaProfile {
	p := opaProfile{Name: t.Name, Providers: map[string]opaConfig{}}
	of := map[policy.Scope][]opaLine{}
	for _, l := range t.Limits() {
		most := float64(l.Max)
		if l.Kind == policy.KindSpend {
			most /= 1e9
		}
		of[l.Scope] = append(of[l.Scope], opaLine{p.lines, l.Scope.String(), l.Kind, most, l.Duration})
		p.lines++
	}
	for _, config := range t.ProviderConfigs {
		c := opaConfig{All: config.AllModelsAllowed, Models: map[string]bool{}}
		for _, name := range config.AllowedModels {
			c.Models[name] = true
		}
		c.Lines = slices.Concat(of[policy.Scope{}], of[config.Scope()])
		p.Providers[config.ProviderName] = c
	}
	return p
}

// allows makes sure that what is asked is allowed: the answer has true at the end of the path.
func allows(ctx context.Context, t target, path ...string) error {
	answer, _, err := t.once(ctx)
	if err != nil {
		return err
	}
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		return err
	}
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	if value != true {
		return fmt.Errorf("%s does not allow what it should: %.200s", t.url, answer)
	}
	return nil
}
