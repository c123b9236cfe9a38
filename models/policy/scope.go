package policy

import (
	"cmp"
	"fmt"
	"strings"
)

// Scope is what a limit or a charge applies to: everything when it is empty, a provider, or one model of a provider.
type Scope struct{ Provider, Model string }

const (
	overallScope   = "total"
	providerPrefix = "provider:"
	modelPrefix    = "model:"
)

// Overall reports whether the scope is everything.
func (s Scope) Overall() bool { return s == Scope{} }

// Meets reports whether some calls are in both scopes.
func (s Scope) Meets(other Scope) bool {
	if s.Overall() || other.Overall() {
		return true
	}
	return s.Provider == other.Provider && (s.Model == other.Model || s.Model == "" || other.Model == "")
}

// String is the scope as the API writes it: "total", "provider:openai", "model:openai/gpt-5".
func (s Scope) String() string {
	switch {
	case s.Overall():
		return overallScope
	case s.Model == "":
		return providerPrefix + s.Provider
	}
	return modelPrefix + s.Name()
}

// Name is what the scope is called in words, "openai" or "openai/gpt-5"; "" overall.
func (s Scope) Name() string {
	if s.Model == "" {
		return s.Provider
	}
	return s.Provider + "/" + s.Model
}

// ScopeOf is the scope of limit_lines AS l in SQL, as String writes it. Scope reads it.
const ScopeOf = `CASE WHEN l.provider_name IS NULL THEN 'total' ELSE 'provider:' || l.provider_name END`

// Scan reads a scope from a column; NULL and "" are everything.
func (s *Scope) Scan(src any) error {
	switch text := src.(type) {
	case nil:
		*s = Scope{}
		return nil
	case string:
		return s.UnmarshalText([]byte(cmp.Or(text, overallScope)))
	case []byte:
		return s.Scan(string(text))
	}
	return fmt.Errorf("read a scope: %T is none", src)
}

// MarshalText writes the scope for JSON.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *Scope) UnmarshalText(text []byte) error {
	if string(text) == overallScope {
		*s = Scope{}
		return nil
	}
	if provider, ok := strings.CutPrefix(string(text), providerPrefix); ok {
		*s = Scope{Provider: provider}
		return nil
	}
	if name, ok := strings.CutPrefix(string(text), modelPrefix); ok {
		s.Provider, s.Model, _ = strings.Cut(name, "/")
		return nil
	}
	return fmt.Errorf("read a scope: %q is none", text)
}
