package webtest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"tollgate/models/apikey"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/session"
)

// Client sends requests, with the headers that authenticate it.
type Client struct {
	*Console
	Header  http.Header
	Address string // of this machine that it calls from, "" for any
}

// Anonymous is signed out.
func (c *Console) Anonymous() Client { return Client{Console: c, Header: http.Header{}} }

// Login is a user with a session.
func (c *Console) Login(email string) Client {
	c.T.Helper()
	var id string
	c.Scan(&id, "SELECT id FROM users WHERE email = ?", email)
	token, err := session.Start(c.T.Context(), c.DB, id, "")
	c.Must(err)
	return c.Anonymous().With("Cookie", "session="+token)
}

// APIKey is a program with a key of the command line; without scopes it has every permission.
func (c *Console) APIKey(scopes ...permission.Permission) Client {
	c.T.Helper()
	if scopes == nil {
		scopes = permission.AllPermissions()
	}
	in := apikey.Input{Name: input.FormValue("key " + uuid.NewString()), Scopes: input.List[input.Value]{Kind: input.Array}}
	for _, scope := range scopes {
		in.Scopes.Items = append(in.Scopes.Items, input.FormValue(string(scope)))
	}
	_, secret, err := apikey.Create(c.T.Context(), c.DB, c.H.Keys, permission.CLI, in)
	c.Must(err)
	return c.Anonymous().With("Authorization", "Bearer "+secret)
}

// With is the same client with another header; an empty value removes the header.
func (v Client) With(name, value string) Client {
	v.Header = v.Header.Clone()
	v.Header.Set(name, value)
	if value == "" {
		v.Header.Del(name)
	}
	return v
}

// From is the same client at another address, which must be one of 127.0.0.0/8.
func (v Client) From(address string) Client {
	v.Address = address
	return v
}

// transport opens connections from the client's address.
func (v Client) transport() http.RoundTripper {
	if v.Address == "" {
		return http.DefaultTransport
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(v.Address)}}
	return &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
}

// Also is the client with one more header of that name.
func (v Client) Also(name, value string) Client {
	v.Header = v.Header.Clone()
	v.Header.Add(name, value)
	return v
}

// Get asks for a page or for JSON, by the path.
func (v Client) Get(path string) Answer {
	v.T.Helper()
	return v.Send("GET", path, "", nil)
}

// Post sends a form.
func (v Client) Post(path string, form url.Values) Answer {
	v.T.Helper()
	return v.Send("POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// Save sends the form of an edit with the version that its page has now, unless it has one already.
func (v Client) Save(path string, form url.Values) Answer {
	v.T.Helper()
	sent := maps.Clone(form)
	if page := v.Get(path + "/edit"); page.StatusCode == http.StatusOK && !sent.Has("version") {
		for _, version := range page.All("input", "type", "hidden", "name", "version") {
			sent.Set("version", Attribute(version, "value"))
		}
	}
	return v.Post(path, sent)
}

// API sends JSON; body is text as it is, nil for none, or anything that can be encoded.
func (v Client) API(method, path string, body any) Answer {
	v.T.Helper()
	switch content := body.(type) {
	case nil:
		return v.Send(method, path, "", nil)
	case string:
		return v.Send(method, path, "application/json", strings.NewReader(content))
	default:
		encoded, err := json.Marshal(body)
		v.Must(err)
		return v.Send(method, path, "application/json", bytes.NewReader(encoded))
	}
}

// Send sends a request and does not follow redirects. A decision that a busy machine puts off is asked for again, as
// gateways do, unless the test takes the database away.
func (v Client) Send(method, path, media string, body io.Reader) Answer {
	v.T.Helper()
	whole, ok := body.(io.ReadSeeker)
	if body != nil && !ok {
		return v.sendOnce(method, path, media, body, nil)
	}
	var sent []byte
	if ok {
		var err error
		sent, err = io.ReadAll(whole)
		v.Must(err)
	}
	again := func(a Answer) bool { return !v.Wired && v.decides(path, sent) && v.StoodStill(a) }
	return repeated(func() Answer {
		if ok {
			_, err := whole.Seek(0, io.SeekStart)
			v.Must(err)
		}
		return v.sendOnce(method, path, media, body, sent)
	}, again)
}

// decides reports whether a request asks for a decision that holds nothing, or goes through a proxy that asks.
func (v Client) decides(path string, sent []byte) bool {
	path, _, _ = strings.Cut(path, "?")
	return v.Proxy || strings.HasPrefix(path, "/authz/") || strings.HasPrefix(path, "/access/v1/") ||
		strings.HasSuffix(path, "/decisions") && !bytes.Contains(sent, []byte(`"reserve"`))
}

func (v Client) sendOnce(method, path, media string, body io.Reader, sent []byte) Answer {
	v.T.Helper()
	request, err := http.NewRequestWithContext(v.T.Context(), method, v.Base+path, body)
	v.Must(err)
	for name, values := range v.Header {
		request.Header[name] = values
	}
	request.Host = request.Header.Get("Host")
	if media != "" {
		request.Header.Set("Content-Type", media)
	}
	response, err := v.transport().RoundTrip(request)
	v.Must(err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	v.Must(err)
	if err := CheckContract(request, sent, response, content); err != nil {
		v.T.Errorf("%v\n%s", err, content)
	}
	if err := CheckProblems(response, content); err != nil {
		v.T.Errorf("%v", err)
	}
	return Answer{v.T, response, content}
}

// Metrics are the series of a console, by name and labels.
func (v Client) Metrics() map[string]float64 {
	v.T.Helper()
	series := map[string]float64{}
	for line := range strings.Lines(string(v.Get("/metrics").Is(200).Body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				v.T.Fatalf("%s: %v", line, err)
			}
			series[name] = number
		}
	}
	return series
}

// CookieOf is the value of a cookie that an answer sets.
func CookieOf(a Answer, name string) string {
	cookie, _ := a.Cookie(name)
	return name + "=" + cookie.Value
}
