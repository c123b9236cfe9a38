package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"
)

const deploy = "../../deploy/"

func readDeploy(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(deploy + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// documents are those of a YAML file.
func documents(t *testing.T, name, text string) (all []map[string]any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var one map[string]any
		err := decoder.Decode(&one)
		if err != nil {
			if len(all) == 0 || err.Error() != "EOF" {
				t.Fatalf("%s: %v", name, err)
			}
			return all
		}
		if one != nil {
			all = append(all, one)
		}
	}
}

// rendered is a file of the chart with its default values, or others in their place.
func rendered(t *testing.T, name string, others map[string]any) []map[string]any {
	t.Helper()
	functions := template.FuncMap{
		"int": func(value any) (n int, err error) { return strconv.Atoi(fmt.Sprint(value)) },
		"add": func(a, b int) int { return a + b },
		"quote": func(value any) string {
			out, _ := json.Marshal(strings.TrimSpace(strings.Trim(toText(value), `"`)))
			return string(out)
		},
		"dict": func(pairs ...string) map[string]string {
			made := map[string]string{}
			for i := 0; i+1 < len(pairs); i += 2 {
				made[pairs[i]] = pairs[i+1]
			}
			return made
		},
	}
	parsed, err := template.New(name).Option("missingkey=error").Funcs(functions).Parse(readDeploy(t, "helm/templates/"+name))
	if err != nil {
		t.Fatal(err)
	}
	values := documents(t, "values.yaml", readDeploy(t, "helm/values.yaml"))[0]
	maps.Copy(values, others)
	var out bytes.Buffer
	if err := parsed.Execute(&out, map[string]any{"Values": values, "Release": map[string]any{"Name": "tollgate", "Namespace": "prod"}}); err != nil {
		t.Fatal(err)
	}
	return documents(t, name, out.String())
}

func toText(value any) string {
	encoded, _ := json.Marshal(value)
	return string(encoded)
}

// at follows names and numbers into a document.
func at(document any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := document.(map[string]any)
			document = object[step]
		case int:
			list, _ := document.([]any)
			if step >= len(list) {
				return nil
			}
			document = list[step]
		}
	}
	return document
}

// The chart asks the right paths, keeps one console running, and migrates in two steps by commands that exist.
func TestHelmChart(t *testing.T) {
	t.Parallel()
	documents(t, "Chart.yaml", readDeploy(t, "helm/Chart.yaml"))
	all := rendered(t, "console.yaml", nil)
	container := at(all[0], "spec", "template", "spec", "containers", 0)
	for _, one := range []struct {
		want any
		got  any
	}{
		{"Deployment", all[0]["kind"]},
		{2, at(all[0], "spec", "replicas")},
		{"tollgate", at(all[0], "spec", "template", "metadata", "labels", "app.kubernetes.io/name")},
		{"/readyz", at(container, "readinessProbe", "httpGet", "path")},
		{"/healthz", at(container, "livenessProbe", "httpGet", "path")},
		{"PodDisruptionBudget", all[2]["kind"]},
		{1, at(all[2], "spec", "maxUnavailable")},
		{20, at(all[0], "spec", "template", "spec", "terminationGracePeriodSeconds")},
		{45, at(rendered(t, "console.yaml", map[string]any{"drain": 30})[0], "spec", "template", "spec", "terminationGracePeriodSeconds")},
	} {
		if fmt.Sprint(one.got) != fmt.Sprint(one.want) {
			t.Errorf("%v, want %v", one.got, one.want)
		}
	}
	// Prometheus finds the pods of every release by it.
	if !strings.Contains(readDeploy(t, "helm/templates/console.yaml"), "app.kubernetes.io/name: tollgate}") ||
		!strings.Contains(readDeploy(t, "../docs/operations.md"), "[__meta_kubernetes_pod_label_app_kubernetes_io_name], regex: tollgate,") {
		t.Error("the scrape of the docs does not find the pods of every release")
	}
	if text := readDeploy(t, "helm/templates/console.yaml"); !strings.Contains(text, "{name: TOLLGATE_TRUSTED_PROXIES, value: {{ .Values.trustedProxies | quote }}}") {
		t.Error("the chart cannot name the proxies before the consoles")
	}
	help := must(t, nil, "", "--help")
	for _, variable := range at(container, "env").([]any) {
		if name := at(variable, "name").(string); name != "POD_IP" && !strings.Contains(help, name) {
			t.Errorf("there is no setting %s", name)
		}
	}
	environment, _, _ := given(t)
	jobs := rendered(t, "migrate.yaml", nil)
	for _, when := range []string{"pre-upgrade", "post-upgrade"} {
		i := slices.IndexFunc(jobs, func(job map[string]any) bool { return at(job, "metadata", "annotations", "helm.sh/hook") == when })
		if i < 0 {
			t.Fatalf("no job %s", when)
		}
		var arguments []string
		for _, argument := range at(jobs[i], "spec", "template", "spec", "containers", 0, "args").([]any) {
			arguments = append(arguments, argument.(string))
		}
		must(t, environment, "", arguments...)
	}
}

// forwarded fails the test unless the balancer adds the address of a client to X-Forwarded-For, removes what clients wrote
// there, and is believed by the consoles, as is the proxy before it.
func forwarded(t *testing.T, compose map[string]any) {
	t.Helper()
	balancer := readDeploy(t, "consoles.cfg")
	for _, line := range []string{`acl ends_tls src (\S+)`, `http-request del-header X-Forwarded-For unless ends_tls`, `option forwardfor`} {
		if !regexp.MustCompile(`(?m)^  ` + line + `$`).MatchString(balancer) {
			t.Errorf("the balancer has no line %s", line)
		}
	}
	network := at(compose, "networks", "default", "ipam", "config", 0)
	subnet, err := netip.ParsePrefix(fmt.Sprint(at(network, "subnet")))
	if err != nil {
		t.Fatalf("the network of the services is not fixed: %v", err)
	}
	for _, console := range []string{"console1", "console2"} {
		if got := at(compose, "services", console, "environment", "TOLLGATE_TRUSTED_PROXIES"); got != subnet.String() {
			t.Errorf("%s believes %v, and the balancer is in %s", console, got, subnet)
		}
	}
	gateway := fmt.Sprint(at(network, "gateway"))
	if ends, err := netip.ParseAddr(gateway); err != nil || !subnet.Contains(ends) || !strings.Contains(balancer, "acl ends_tls src "+gateway+"\n") {
		t.Errorf("the balancer does not know the proxy that comes from %s: %v", gateway, err)
	}
	if ports := at(compose, "services", "balancer", "ports", 0); ports != "127.0.0.1:8080:8080" {
		t.Errorf("who connects to %v seems to be the proxy that ends TLS", ports)
	}
}

// The other files can be read, and name settings and paths that exist.
func TestDeploymentFiles(t *testing.T) {
	t.Parallel()
	compose := documents(t, "compose.yml", readDeploy(t, "compose.yml"))[0]
	patroni := documents(t, "patroni.yml", readDeploy(t, "patroni.yml"))[0]
	if at(compose, "services", "console2", "stop_grace_period") != "15s" || at(patroni, "bootstrap", "dcs", "synchronous_mode") != true || fmt.Sprint(at(patroni, "bootstrap", "dcs", "ttl")) != "20" {
		t.Errorf("%v, %v", at(compose, "services", "console2"), at(patroni, "bootstrap", "dcs"))
	}
	help := must(t, nil, "", "--help")
	unit := readDeploy(t, "systemd/tollgate.service")
	for _, name := range regexp.MustCompile(`TOLLGATE_[A-Z_]+`).FindAllString(readDeploy(t, "compose.yml")+unit, -1) {
		if !strings.Contains(help, name) {
			t.Errorf("there is no setting %s", name)
		}
	}
	forwarded(t, compose)
	reached(t, compose)
	letsIn(t, patroni)
	if state := "StateDirectory=tollgate tollgate/spool tollgate/archive"; !strings.Contains(unit, "\n"+state+"\n") {
		t.Errorf("the unit has no line %s", state)
	}
	if text := readDeploy(t, "Dockerfile"); !regexp.MustCompile(`(?m)^COPY --from=certificates (\S+/ca-certificates.crt) (/etc/ssl/certs/ca-certificates.crt)$`).MatchString(text) {
		t.Errorf("the image trusts no certificate:\n%s", text)
	}
	for _, cfg := range []string{"consoles.cfg", "haproxy.cfg"} {
		if text := readDeploy(t, cfg); !strings.Contains(text, "inter 1s fall 2") {
			t.Errorf("%s does not ask every second", cfg)
		}
	}
	analyse, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("NOT RUN: this machine has no systemd-analyze")
		return
	}
	path := filepath.Join(t.TempDir(), "tollgate.service")
	if err := os.WriteFile(path, []byte(strings.Replace(unit, "/usr/local/bin/tollgate", binary, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyse, "verify", "--man=no", path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "tollgate.service") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}
