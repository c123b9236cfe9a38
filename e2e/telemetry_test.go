package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// The OpenTelemetry SDKs for Go and JavaScript export calls to the console: by protobuf packed with gzip and by JSON, while
// the database answers and while it does not.
func TestOpenTelemetrySDKs(t *testing.T) {
	t.Parallel()
	c, err := newConsole()
	if err != nil {
		t.Fatal(err)
	}
	key, err := c.key()
	if err != nil {
		t.Fatal(err)
	}
	home := c.hire(t, "Traced user", "Viewer")
	user := strings.TrimPrefix(home, "/users/")
	sdk := t.TempDir() + "/otlp"
	if output, err := exec.Command("go", "build", "-C", "../.ci/otlp", "-o", sdk, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the exporter: %v\n%s", err, output)
	}
	export := func(command ...string) {
		t.Helper()
		output, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil || len(output) > 0 {
			t.Errorf("%s: %v\n%s", command[0], err, output)
		}
	}
	traces := c.url + "/v1/traces"
	export(sdk, traces, key, user, "600")
	c.traced(t, user, 600*120, 600, "0.075")
	export("node", "send_spans.mjs", traces, key, user, "protobuf")
	export("node", "send_spans.mjs", traces, key, user, "json")
	c.traced(t, user, 600*120+2*50, 604, "0.075167502")

	refused := func() bool {
		_, metrics := c.api(t, "GET", "/metrics", "")
		return strings.Contains(string(metrics), `route="/v1/traces",status="503"`)
	}
	same(t, "refused before", fmt.Sprint(refused()), "false") // and the key is one that reads metrics during an outage
	thaw := c.freeze(t)
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		export(sdk, traces, key, user, "50")
	}()
	eventually(t, "true", func() string { return fmt.Sprint(refused()) }) // then the exporter was told to come again
	thaw()
	<-waiting
	c.traced(t, user, 650*120+2*50, 654, "0.081417502")
}

// traced holds the report of a user against what was exported.
func (c *console) traced(t *testing.T, user string, tokens, requests int64, cost string) {
	t.Helper()
	eventually(t, fmt.Sprint(tokens, " tokens, ", requests, " requests, $", cost), func() string { return c.reported(t, user) })
}

// reported is what a user used, as reports say.
func (c *console) reported(t *testing.T, user string) string {
	t.Helper()
	_, answer := c.api(t, "GET", "/api/usage?user_id="+user, "")
	var report struct {
		Total struct {
			Tokens, Requests int64
			Cost             json.Number
		}
	}
	if err := json.Unmarshal(answer, &report); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(report.Total.Tokens, " tokens, ", report.Total.Requests, " requests, $", report.Total.Cost)
}
