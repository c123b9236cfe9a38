package mcptool

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// Credential is a header that discovery sends to the address of one server.
type Credential struct{ Header, Value string }

const (
	maxCredential = 4096
	sealedFor     = "mcp-credential/v1"
)

var (
	headerName  = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
	headerValue = regexp.MustCompile(`^[ -~]+$`)
	// transportHeaders belong to HTTP or to the protocol: a credential in one of them would break the call.
	transportHeaders = []string{
		"accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
		"keep-alive", "last-event-id", "mcp-protocol-version", "mcp-session-id", "te", "trailer", "transfer-encoding",
		"upgrade",
	}
)

// readCredential reads the header that discovery sends. It is sealed for one address, so another address needs it
// again; without an address there is none.
func (in ServerInput) readCredential(c *input.Reader, s *Server, old Server, keys secret.Keys) error {
	header, value := in.CredentialHeader, in.CredentialValue
	removed := header.Kind == input.Null || header.Kind == input.String && strings.TrimSpace(header.Text) == ""
	if removed || s.URL == nil {
		s.CredentialHeader, s.CredentialSealed, s.CredentialSetAt = nil, nil, nil
	}
	switch {
	case removed && value.Given():
		c.Add("credential_value", "credential_removed", "Leave the value out, or name the header that carries it.")
		return nil
	case removed:
		return nil
	case s.URL == nil:
		if value.Given() {
			c.Add("url", "required", "Enter the server's address: a credential is sent to it alone.")
		}
		return nil
	}
	name, named := readHeaderName(c, header)
	if !named && s.CredentialHeader != nil {
		name, named = *s.CredentialHeader, true
	}
	if value.Kind == input.Absent {
		if named && !s.credentialFits(old, name) {
			c.Add("credential_value", "required", credentialMissing(s.CredentialHeader != nil))
		}
		return nil
	}
	text, ok := readHeaderValue(c, value)
	if header.Kind == input.Absent && !named {
		c.Add("credential_header", "required", "Name the header that carries the credential, such as Authorization.")
	}
	if !ok || !named {
		return nil
	}
	sealed, err := keys.Seal([]byte(text), sealedFor, *s.URL, name)
	if err != nil {
		return fmt.Errorf("seal a credential: %w", err)
	}
	s.CredentialHeader, s.CredentialSealed, s.CredentialSetAt = &name, sealed, nil // the time is that of the save
	return nil
}

func credentialMissing(stored bool) string {
	if stored {
		return "Enter the credential again: it is sent only in the header and to the address that it was entered for. " +
			"Or remove it."
	}
	return "Enter the value that the header carries."
}

// credentialFits reports whether the stored credential was sealed for this address and header.
func (s Server) credentialFits(old Server, header string) bool {
	return s.CredentialHeader != nil && *s.CredentialHeader == header && input.Equal(s.URL, old.URL)
}

func readHeaderName(c *input.Reader, v input.Value) (string, bool) {
	name, ok := c.Text("credential_header", v, input.TextRule{What: "a header's name", Max: 255})
	lower := strings.ToLower(name)
	switch {
	case !ok:
		return "", false
	case !headerName.MatchString(name):
		c.Add("credential_header", "invalid_header", "Enter the name of one header, such as Authorization or X-API-Key.")
	case slices.Contains(transportHeaders, lower), strings.HasPrefix(lower, "proxy-"), strings.HasPrefix(lower, "sec-"):
		c.Add("credential_header", "invalid_header", "Enter another header: "+name+" belongs to the transport.")
	default:
		return name, true
	}
	return "", false
}

// readHeaderValue never repeats the value in a problem.
func readHeaderValue(c *input.Reader, v input.Value) (string, bool) {
	text := strings.TrimSpace(v.Text)
	switch {
	case v.Kind == input.Null:
		c.Add(
			"credential_value", "null_not_allowed",
			"Leave the value out to keep the credential; credential_header: null removes it.",
		)
	case v.Kind != input.String:
		c.Add("credential_value", "wrong_type", "Give the credential as text.")
	case text == "":
		c.Add("credential_value", "required", credentialMissing(false))
	case len(text) > maxCredential:
		c.Add("credential_value", "too_long", "Shorten the credential to "+strconv.Itoa(maxCredential)+" characters or fewer.")
	case !headerValue.MatchString(text):
		c.Add(
			"credential_value", "invalid_characters", "Enter the credential in one line of visible ASCII characters, as a header carries it.",
		)
	default:
		return text, true
	}
	return "", false
}

// Credential opens what is sent to the server; nil when there is none. Refusal: Invalid when it was sealed with another
// secret of the console.
func (s Server) Credential(keys secret.Keys) (*Credential, error) {
	if s.CredentialHeader == nil || s.URL == nil {
		return nil, nil
	}
	plain, err := keys.Open(s.CredentialSealed, sealedFor, *s.URL, *s.CredentialHeader)
	if err != nil {
		return nil, problem.Refuse(
			problem.Invalid, "credential_value", "credential_unreadable",
			"Enter the credential again: the one that is stored cannot be read with the secret of this console.",
		)
	}
	return &Credential{Header: *s.CredentialHeader, Value: string(plain)}, nil
}
