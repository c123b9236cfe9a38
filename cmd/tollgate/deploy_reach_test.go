package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// environmentOf are the variables of the console in the chart.
func environmentOf(workload map[string]any) map[string]any {
	named := map[string]any{}
	for _, variable := range at(workload, "spec", "template", "spec", "containers", 0, "env").([]any) {
		named[at(variable, "name").(string)] = at(variable, "value")
	}
	return named
}

// Consoles that know their public address also answer Prometheus and gateways, which ask each of them by its own name.
func TestDeployedConsolesAnswerByTheirOwnNames(t *testing.T) {
	t.Parallel()
	compose := documents(t, "compose.yml", readDeploy(t, "compose.yml"))[0]
	chart := environmentOf(rendered(t, "console.yaml", map[string]any{"hosts": "tollgate.internal"})[0])["TOLLGATE_HOSTS"].(string)
	hosts := []string{fmt.Sprint(at(compose, "services", "console1", "environment", "TOLLGATE_HOSTS"))}
	for _, pod := range []string{"10.1.2.3", "fd00::ab"} {
		hosts = append(hosts, strings.Replace(chart, "$(POD_IP)", pod, 1))
	}
	environment, key, _ := given(t)
	port := freePort(t)
	c := start(t, append(environment, "TOLLGATE_ADDR=127.0.0.1:"+port, "TOLLGATE_BASE_URL=http://127.0.0.1:"+port,
		"TOLLGATE_HOSTS="+strings.Join(hosts, ",")))
	ask := func(host string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		request.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	for _, host := range []string{
		"console1:8080", "console2:8080", "balancer:8080", "10.1.2.3:8080", "[fd00::ab]:8080", "tollgate", "tollgate.prod",
		"tollgate.prod.svc", "tollgate.prod.svc.cluster.local", "tollgate.internal",
	} {
		if status := ask(host); status != http.StatusOK {
			t.Errorf("%s gets %d", host, status)
		}
	}
	if status := ask("console3:8080"); status != http.StatusMisdirectedRequest {
		t.Errorf("another host gets %d", status)
	}
}

// The chart gives each console a volume for its spool that stays, and all consoles the one of the archive.
func TestHelmChartVolumes(t *testing.T) {
	t.Parallel()
	plain := rendered(t, "console.yaml", nil)[0]
	if named := environmentOf(plain); named["TOLLGATE_SPOOL"] != nil || named["TOLLGATE_ARCHIVE"] != nil || at(plain, "spec", "template", "spec", "volumes") != nil {
		t.Errorf("without values: %v", plain)
	}
	kept := rendered(t, "console.yaml", map[string]any{
		"spool": map[string]any{"size": "1Gi", "storageClass": "fast"}, "archive": map[string]any{"claim": "weeks"},
	})[0]
	named, pod, claim := environmentOf(kept), at(kept, "spec", "template", "spec"), at(kept, "spec", "volumeClaimTemplates", 0)
	for _, one := range []struct{ got, want any }{
		{kept["kind"], "StatefulSet"},
		{at(kept, "spec", "serviceName"), "tollgate"},
		{at(kept, "spec", "strategy"), nil},
		{at(claim, "metadata", "name"), at(pod, "containers", 0, "volumeMounts", 0, "name")},
		{at(claim, "spec", "storageClassName"), "fast"},
		{at(claim, "spec", "resources", "requests", "storage"), "1Gi"},
		{at(pod, "containers", 0, "volumeMounts", 0, "mountPath"), named["TOLLGATE_SPOOL"]},
		{at(pod, "volumes", 0, "persistentVolumeClaim", "claimName"), "weeks"},
		{at(pod, "volumes", 0, "name"), at(pod, "containers", 0, "volumeMounts", 1, "name")},
		{at(pod, "containers", 0, "volumeMounts", 1, "mountPath"), named["TOLLGATE_ARCHIVE"]},
	} {
		if one.got != one.want {
			t.Errorf("%v, want %v", one.got, one.want)
		}
	}
	user := regexp.MustCompile(`(?m)^USER (\d+)$`).FindStringSubmatch(readDeploy(t, "Dockerfile"))
	if user == nil || fmt.Sprint(at(pod, "securityContext", "fsGroup")) != user[1] {
		t.Errorf("volumes belong to the group %v, the console is %v", at(pod, "securityContext", "fsGroup"), user)
	}
}

// reached fails the test unless the services of compose.yml find each other in any order, by any password, and consoles
// have folders that the user of the image can write.
func reached(t *testing.T, compose map[string]any) {
	t.Helper()
	balancer := readDeploy(t, "consoles.cfg")
	for _, line := range []string{
		`resolvers docker\n  nameserver dns 127\.0\.0\.11:53`, `listen consoles`, `  use_backend running if \{ nbsrv\(consoles\) eq 0 \}`,
		`  option httpchk GET /readyz\n  http-check expect string '\{"status":"ready"\}'`, `backend running\n  option httpchk GET /healthz`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(balancer) {
			t.Errorf("the balancer has no line %s", line)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^  default-server .* resolvers docker init-addr libc,none$`).FindAllString(balancer, -1)); n != 2 {
		t.Errorf("%d of 2 backends start without the consoles", n)
	}
	libraries, _ := filepath.Glob(unpacked + "usr/lib/*-linux-gnu")
	check := exec.Command(unpacked+"usr/sbin/haproxy", "-c", "-f", deploy+"consoles.cfg")
	check.Env = []string{"LD_LIBRARY_PATH=" + strings.Join(libraries, ":")}
	if out, err := check.CombinedOutput(); errors.Is(err, fs.ErrNotExist) {
		t.Log("NOT RUN: this machine has no haproxy, which make soak unpacks")
	} else if err != nil {
		t.Errorf("haproxy: %v\n%s", err, out)
	}
	image := readDeploy(t, "Dockerfile")
	if !regexp.MustCompile(`(?m)mkdir -p /folders/spool /folders/archive$[^$]*^COPY --from=certificates --chown=(\d+):\d+ /folders/ /var/lib/tollgate/$`).MatchString(image) {
		t.Errorf("the image has no folders for volumes:\n%s", image)
	}
	var spools []string
	for _, console := range []string{"console1", "console2"} {
		volumes := at(compose, "services", console, "volumes").([]any)
		spools = append(spools, volumes[0].(string))
		if !strings.HasSuffix(spools[len(spools)-1], ":/var/lib/tollgate/spool") || volumes[1] != "archive:/var/lib/tollgate/archive" {
			t.Errorf("%s has the volumes %v", console, volumes)
		}
		environment := at(compose, "services", console, "environment")
		if url := fmt.Sprint(at(environment, "DATABASE_URL")); strings.Contains(url, "PASSWORD") || at(environment, "PGPASSWORD") != "${POSTGRES_PASSWORD:?}" {
			t.Errorf("%s has a password in its address: %s", console, url)
		}
	}
	if spools[0] == spools[1] {
		t.Errorf("consoles share the spool %s", spools[0])
	}
}

// letsIn fails the test unless the nodes of the cluster let each other copy the database, and let consoles of other hosts
// in, all of them by passwords.
func letsIn(t *testing.T, patroni map[string]any) {
	t.Helper()
	replicator := at(patroni, "postgresql", "authentication", "replication", "username")
	itself := fmt.Sprint("replication ", replicator, " of the host itself")
	wanted := map[string]bool{fmt.Sprint("replication ", replicator): false, "all all": false, itself: false}
	lines, _ := at(patroni, "postgresql", "pg_hba").([]any)
	for _, line := range lines {
		fields := strings.Fields(fmt.Sprint(line))
		if fields[len(fields)-1] != "scram-sha-256" {
			t.Errorf("%s asks for no password", line)
		}
		if network, err := netip.ParsePrefix(fields[len(fields)-2]); fields[0] == "host" && err == nil {
			who := fields[1] + " " + fields[2]
			if network.Addr().IsLoopback() {
				who += " of the host itself"
			}
			wanted[who] = true
		}
	}
	for who, in := range wanted {
		if !in {
			t.Errorf("no line lets %s in: %v", who, lines)
		}
	}
}
