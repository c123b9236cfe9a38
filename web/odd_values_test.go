package web_test

import (
	"net/url"
	"testing"

	"tollgate/web/webtest"
)

// The database has no year 0, and no text with NUL: what asks for them is refused before it gets there.
func TestValuesThatNoDatabaseHas(t *testing.T) {
	g := webtest.NewGateway(t)
	for path, field := range map[string]string{
		"/api/usage?until=0001-01-01": "until", "/api/usage?since=0000-12-31": "since",
		"/api/usage/export?until=0001-01-01":                                "until",
		"/api/access-profiles/audit-logs?since=0000-01-01T00:00:00Z":        "since",
		"/api/access-profiles/audit-logs?until=0001-01-01T00:00:00%2B14:00": "until",
	} {
		g.Admin.Get(path).Refuses(400, "invalid_timestamp", field)
	}
	g.Admin.Get("/api/usage?until=9999-12-31").Is(200)
	g.Login(webtest.Admin).Get("/users/" + g.Ada + "/try?model=openai/gpt-4o&at=0000-01-01T00:00").Is(400)

	d := g.Directory("Odd", "Viewer")
	for _, id := range []string{"%00", "a%00b", g.Ada + "%00", "x"} {
		for method, body := range map[string]string{"GET": "", "PUT": `{"userName":"a@example.com"}`, "DELETE": ""} {
			d.SCIM(method, "/Users/"+id, body).RefusesSCIM(404, "")
		}
		patch := `{"op":"replace","path":"active","value":false}`
		d.Patch("/Users/"+id, patch).RefusesSCIM(404, "")
		d.Patch("/Groups/"+id, patch).RefusesSCIM(404, "")
	}
	for _, resource := range []string{"/Users", "/Groups"} {
		filter := url.QueryEscape(`meta.created gt "0000-01-01T00:00:00Z"`)
		d.SCIM("GET", resource+"?filter="+filter, "").RefusesSCIM(400, "invalidFilter")
	}
}
