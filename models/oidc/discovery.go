package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"tollgate/models/outbound"
)

// metadataFresh is how long what a provider published is used. While the provider is away an old one is.
const metadataFresh = time.Hour

// Metadata is what a provider publishes about itself.
type Metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	UserInfo      string `json:"userinfo_endpoint"`
	Keys          string `json:"jwks_uri"`
	EndSession    string `json:"end_session_endpoint"`
	NamesItself   bool   `json:"authorization_response_iss_parameter_supported"` // in its answers
}

// Providers are the providers that this process has read.
type Providers struct {
	mutex   sync.Mutex
	private bool
	client  *http.Client
	known   map[string]*provider // by issuer
	answers map[string]answer    // by issuer
}

type provider struct {
	Metadata
	ring *keyRing
	read time.Time
}

// AllowPrivate lets providers be on loopback and private networks.
func (p *Providers) AllowPrivate(private bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.client == nil || p.private != private {
		p.private, p.client = private, newClient(private)
		p.known, p.answers = map[string]*provider{}, map[string]answer{}
	}
}

// Read is what the provider of an issuer publishes now. Refusals: DiscoveryFailed, IssuerMismatch.
func (p *Providers) Read(ctx context.Context, issuer string) (Metadata, error) {
	found, err := p.discover(ctx, issuer)
	if err != nil {
		return Metadata{}, err // of a provider that may never be saved
	}
	p.note(issuer, nil)
	return found.Metadata, nil
}

// of is the provider of an issuer, read at most an hour ago, or before that while it is away.
func (p *Providers) of(ctx context.Context, issuer string) (*provider, error) {
	p.mutex.Lock()
	known := p.known[issuer]
	fresh := known != nil && time.Since(known.read) < metadataFresh
	if known != nil && !fresh {
		known.read = time.Now().Add(keysAgain - metadataFresh) // until then others use what is known
	}
	p.mutex.Unlock()
	if fresh {
		return known, nil
	}
	found, err := p.discover(ctx, issuer)
	p.note(issuer, err)
	if err != nil && known != nil {
		return known, nil
	}
	return found, err
}

func (p *Providers) discover(ctx context.Context, issuer string) (*provider, error) {
	if problem := IssuerProblem(issuer); problem != "" {
		return nil, refuse(DiscoveryFailed, problem)
	}
	p.mutex.Lock()
	client := p.client
	p.mutex.Unlock()
	found := &provider{read: time.Now()}
	address := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	if err := fetch(ctx, client, address, &found.Metadata); err != nil {
		return nil, refuse(DiscoveryFailed, address+" could not be read: "+reason(err))
	}
	if found.Issuer != issuer {
		return nil, refuse(IssuerMismatch, fmt.Sprintf("it calls itself %q, not %q; a slash at the end counts", found.Issuer, issuer))
	}
	for _, endpoint := range []struct{ name, address string }{
		{"authorization_endpoint", found.Authorization}, {"token_endpoint", found.Token}, {"jwks_uri", found.Keys},
	} {
		if u, err := url.Parse(endpoint.address); endpoint.address == "" || err != nil || !isSafe(u) {
			return nil, refuse(DiscoveryFailed, endpoint.name+" is missing, or not an https address")
		}
	}
	for _, endpoint := range []struct{ name, address string }{
		{"userinfo_endpoint", found.UserInfo}, {"end_session_endpoint", found.EndSession},
	} {
		if u, err := url.Parse(endpoint.address); err != nil || endpoint.address != "" && !isSafe(u) {
			return nil, refuse(DiscoveryFailed, endpoint.name+" is not an https address")
		}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if known := p.known[issuer]; known != nil && known.Keys == found.Keys {
		found.ring = known.ring
	} else {
		found.ring = &keyRing{address: found.Keys, client: client}
	}
	p.known[issuer] = found
	return found, nil
}

// IssuerProblem says why an issuer cannot be used, "" when it can.
func IssuerProblem(issuer string) string {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		return "Enter the issuer as an address without user, query and fragment, such as https://login.example.com."
	case !isSafe(u):
		return "Enter an https address; http is for this machine alone."
	case strings.ContainsAny(issuer, "{} \t"):
		return "Put the id of your tenant in place of the braces."
	}
	if strings.EqualFold(u.Hostname(), "login.microsoftonline.com") {
		switch first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/"); strings.ToLower(first) {
		case "common", "organizations", "consumers":
			return "Enter the issuer of one tenant: anyone at Microsoft could sign in by " + first + "."
		}
	}
	return ""
}

// fetch reads a JSON document of a provider.
func fetch(ctx context.Context, client *http.Client, address string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask the provider: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New("the answer is " + response.Status)
	}
	if err := json.Unmarshal(content, into); err != nil {
		return errors.New("the answer is not such a document")
	}
	return nil
}

// reason is an error of a request in words that tell nothing of the network behind the console.
func reason(err error) string {
	switch {
	case errors.Is(err, outbound.ErrBlocked):
		return "this address may not be called; private networks are allowed with TOLLGATE_OIDC_PRIVATE"
	case errors.Is(err, errRedirect):
		return "it redirects, which is not followed"
	case errors.Is(err, errOverlarge):
		return "the answer is too long"
	case errors.Is(err, errPlain):
		return "it is not an https address"
	case isAway(err):
		return "it does not answer"
	}
	return err.Error()
}
