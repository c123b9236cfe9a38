package scim

import (
	"encoding/json"
	"regexp"
	"strings"

	"tollgate/models/money"
)

// The schemas of the resources here.
const (
	UserSchema       = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupSchema      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// enterprise is what the attributes of EnterpriseSchema begin with here, as if they were those of one attribute.
const enterprise = "enterprise"

var attributeName = regexp.MustCompile(`^[a-z$][a-z0-9_$-]*(\.[a-z$][a-z0-9_$-]*)?$`)

// attribute reads the name of an attribute, in lower case and without its schema. The schema ends in a colon, or in a
// dot as some directories write it.
func attribute(word string) (name string, ok bool) {
	name = fold(word)
	for _, schema := range []string{UserSchema, GroupSchema, EnterpriseSchema} {
		rest, found := strings.CutPrefix(name, fold(schema))
		if !found {
			continue
		}
		extension := schema == EnterpriseSchema
		switch {
		case rest == "" && extension:
			return enterprise, true
		case rest == "" || rest[0] != ':' && rest[0] != '.':
			return "", false
		case extension:
			return enterprise + "." + rest[1:], attributeName.MatchString(enterprise + "." + rest[1:])
		}
		name = rest[1:]
	}
	return name, attributeName.MatchString(name)
}

// peek is the next token: a bracket, a text in quotes as it stands, or a word; "" at the end.
func (p *parser) peek() string {
	p.rest = strings.TrimLeft(p.rest, " ")
	if p.rest == "" {
		return ""
	}
	switch c := p.rest[0]; {
	case strings.IndexByte("()[]", c) >= 0:
		return p.rest[:1]
	case c == '"':
		return p.rest[:quotedLength(p.rest)]
	}
	if end := strings.IndexAny(p.rest, ` ()[]"`); end >= 0 {
		return p.rest[:end]
	}
	return p.rest
}

func (p *parser) take() string {
	token := p.peek()
	p.rest = p.rest[len(token):]
	return token
}

// quotedLength is the length of the text in quotes that begins here, or of the rest when it does not end.
func quotedLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// unquoted reads a text in quotes, which are those of JSON.
func unquoted(token string) (text string, ok bool) {
	if !strings.HasPrefix(token, `"`) {
		return "", false
	}
	err := json.Unmarshal([]byte(token), &text)
	return text, err == nil
}

func isNumber(token string) bool { return money.IsJSONNumber(token) }
