package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tollgate/models/secret"
	"tollgate/web/webtest"
)

// unpacked is where .ci/install ha puts Patroni, etcd and haproxy.
const unpacked = "../../.ci/ha/"

// haCluster is three PostgreSQL servers under Patroni, with three nodes of etcd and haproxy, on loopback.
type haCluster struct {
	t           *testing.T
	folder      string
	nodes       [3]haNode
	haproxy     string // its port
	address     string // of the database, for consoles
	environment []string
}

type haNode struct {
	name, dir, port, rest string
	patroni               *exec.Cmd
	// By these the other servers reach this one, and this one reaches etcd. Consoles reach it directly.
	replication, toEtcd *webtest.Wire
}

// haKind says how a cluster is built.
type haKind struct {
	asynchronous bool
	etcd3        bool // Patroni speaks the v3 API of etcd, with which 3.0.2 takes a lock back that it has lost
}

// run starts a program of the cluster, which ends with the test.
func (h *haCluster) run(name, program string, arguments ...string) *exec.Cmd {
	h.t.Helper()
	c := exec.CommandContext(context.WithoutCancel(h.t.Context()), program, arguments...)
	libraries, _ := filepath.Glob(unpacked + "usr/lib/*-linux-gnu")
	c.Env = append(os.Environ(), "PYTHONPATH="+unpacked+"usr/lib/python3/dist-packages", "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	log, err := os.Create(filepath.Join(h.folder, name+".log"))
	if err != nil {
		h.t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true, Credential: h.credential()}
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
		log.Close()
	})
	return c
}

// credential is the user who may run PostgreSQL, when root runs the tests.
func (h *haCluster) credential() *syscall.Credential {
	if os.Geteuid() != 0 {
		return nil
	}
	found, err := user.Lookup("postgres")
	if err != nil {
		h.t.Fatal(err)
	}
	uid, _ := strconv.Atoi(found.Uid)
	gid, _ := strconv.Atoi(found.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (h *haCluster) write(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return path
}

func (h *haCluster) makeFolder(path string) {
	h.t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		h.t.Fatal(err)
	}
	if as := h.credential(); as != nil {
		if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
			h.t.Fatal(err)
		}
	}
}

// nodeFile is patroni.yml for a node on this host. Beside addresses and folders it lets consoles in without a password, and
// a standby that is further behind become the leader.
func (h *haCluster) nodeFile(n *haNode, kind haKind, binaries string) string {
	h.t.Helper()
	api := "etcd"
	if kind.etcd3 {
		api = "etcd3"
	}
	text := readDeploy(h.t, "patroni.yml")
	for _, change := range [][2]string{
		{"name: pg1\n", "name: " + n.name + "\n"},
		{"0.0.0.0:8008", "127.0.0.1:" + n.rest},
		{"pg1:8008", "127.0.0.1:" + n.rest},
		{"etcd:\n  hosts: etcd1:2379,etcd2:2379,etcd3:2379\n", api + ":\n  hosts: " + n.toEtcd.Addr().String() + "\n  use_proxies: true\n"},
		{"maximum_lag_on_failover: 1048576\n", "maximum_lag_on_failover: 104857600\n"},
		{"synchronous_mode: true\n", "synchronous_mode: " + strconv.FormatBool(!kind.asynchronous) + "\n"},
		{"        timezone: UTC\n", "        timezone: UTC\n        shared_buffers: 64MB\n        wal_keep_size: 256MB\n"},
		{"    - encoding: UTF8\n", "    - encoding: UTF8\n    - locale: C.UTF-8\n"},
		{"0.0.0.0:5432", "127.0.0.1:" + n.port},
		{"pg1:5432", n.replication.Addr().String()},
		{"/var/lib/postgresql/15/tollgate", n.dir + "/data"},
		{"/usr/lib/postgresql/15/bin", binaries + "\n  pgpass: " + n.dir + "/pgpass\n  parameters: {unix_socket_directories: " + n.dir + "}"},
		{"host all all 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 trust"},
		{"10.0.0.0/24", "127.0.0.1/32"},
		{"mode: automatic", `mode: "off"`},
	} {
		if !strings.Contains(text, change[0]) {
			h.t.Fatalf("patroni.yml has no %q", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	return text
}

func newHACluster(t *testing.T, kind haKind) *haCluster {
	t.Helper()
	if _, err := os.Stat(unpacked + "usr/bin/patroni"); err != nil {
		t.Fatalf("%v: run make soak, which unpacks it", err)
	}
	binaries, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(binaries) == 0 {
		t.Fatal("Debian's PostgreSQL is missing")
	}
	h := &haCluster{t: t, folder: dataFolder(t)}
	etcd := h.startEtcd()
	haproxy, err := os.ReadFile(deploy + "haproxy.cfg")
	if err != nil {
		t.Fatal(err)
	}
	h.haproxy = freePort(t)
	config, addresses := strings.Replace(string(haproxy), "bind :5000", "bind 127.0.0.1:"+h.haproxy, 1), []string{}
	for i := range h.nodes {
		n := &h.nodes[i]
		h.startNode(n, i, kind, etcd, filepath.Dir(binaries[0]))
		config = strings.Replace(config, fmt.Sprintf("%s:5432 check port 8008", n.name), fmt.Sprintf("127.0.0.1:%s check port %s", n.port, n.rest), 1)
		addresses = append(addresses, "127.0.0.1:"+n.port)
		if i == 0 {
			eventually(t, "the first node leads", func() bool { return h.leader() != nil })
		}
	}
	h.run("haproxy", unpacked+"usr/sbin/haproxy", "-f", h.write("haproxy.cfg", config))
	eventually(t, "haproxy listens", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+h.haproxy)
		return err == nil && conn.Close() == nil
	})
	eventually(t, "three nodes run", func() bool {
		return strings.Count(h.state(), `"streaming"`) == 2 || strings.Count(h.state(), `"state": "running"`) == 3
	})
	eventually(t, "one of them is synchronous", func() bool { return kind.asynchronous || strings.Contains(h.state(), `"sync_standby"`) })
	h.environment = append(inFolder(t.TempDir()), "TOLLGATE_SECRET="+secret.NewSecret())
	h.through(strings.Join(addresses, ","))
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range h.nodes {
				log, _ := os.ReadFile(filepath.Join(h.folder, n.name+".log"))
				said := slices.DeleteFunc(strings.Split(string(log), "\n"), func(line string) bool { return !strings.Contains(line, " INFO: ") })
				t.Logf("Patroni of %s:\n%s", n.name, strings.Join(said[max(0, len(said)-40):], "\n"))
			}
		}
	})
	return h
}

// startEtcd starts three nodes of etcd, and returns the addresses for clients.
func (h *haCluster) startEtcd() (clients []string) {
	h.t.Helper()
	var peers, members []string
	for i := range 3 {
		clients, peers = append(clients, "127.0.0.1:"+freePort(h.t)), append(peers, "http://127.0.0.1:"+freePort(h.t))
		members = append(members, fmt.Sprintf("etcd%d=%s", i, peers[i]))
	}
	for i := range clients {
		name, folder := fmt.Sprint("etcd", i), filepath.Join(h.folder, fmt.Sprint("etcd", i))
		h.makeFolder(folder)
		h.run(name, unpacked+"usr/bin/etcd", "--enable-v2", "--name", name, "--data-dir", folder,
			"--listen-client-urls", "http://"+clients[i], "--advertise-client-urls", "http://"+clients[i],
			"--listen-peer-urls", peers[i], "--initial-advertise-peer-urls", peers[i], "--initial-cluster", strings.Join(members, ","))
	}
	for _, client := range clients {
		eventually(h.t, "etcd answers", func() bool {
			answer, err := http.Get("http://" + client + "/health")
			return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
		})
	}
	return clients
}

// startNode starts a server under Patroni.
func (h *haCluster) startNode(n *haNode, i int, kind haKind, etcd []string, binaries string) {
	h.t.Helper()
	n.name, n.port, n.rest = fmt.Sprint("pg", i+1), freePort(h.t), freePort(h.t)
	n.dir = filepath.Join(h.folder, n.name)
	h.makeFolder(n.dir)
	n.replication = webtest.NewWire(h.t, func() (net.Conn, error) { return net.Dial("tcp", "127.0.0.1:"+n.port) }, nil)
	n.toEtcd = webtest.NewWire(h.t, func() (net.Conn, error) { return net.Dial("tcp", etcd[i]) }, nil)
	path := h.write(n.name+".yml", h.nodeFile(n, kind, binaries))
	n.patroni = h.run(n.name, "/usr/bin/python3", unpacked+"usr/bin/patroni", path)
}

// through leads consoles to the database by one address or several.
func (h *haCluster) through(addresses string) {
	h.address = "postgres://postgres@" + addresses + "/postgres?sslmode=disable"
	h.environment = append(h.environment, "DATABASE_URL="+h.address)
}

func (h *haCluster) state() string {
	for _, n := range h.nodes {
		if answer, err := (&http.Client{Timeout: time.Second}).Get("http://127.0.0.1:" + n.rest + "/cluster"); err == nil {
			body, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			return string(body)
		}
	}
	return ""
}

// leader is the node that takes writes, by what it says itself.
func (h *haCluster) leader() *haNode {
	for i := range h.nodes {
		if h.nodes[i].rest == "" {
			continue
		}
		answer, err := (&http.Client{Timeout: time.Second}).Get("http://127.0.0.1:" + h.nodes[i].rest + "/primary")
		if err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK {
			return &h.nodes[i]
		}
	}
	return nil
}

// signal sends a signal to Patroni and all of PostgreSQL of a node.
func (h *haCluster) signal(n *haNode, s syscall.Signal) {
	for _, pid := range append(serverProcesses(h.t, n.dir), n.patroni.Process.Pid) {
		_ = syscall.Kill(pid, s)
	}
}

// forget keeps the leader from sending what it acknowledges from now on, and kills it a little later.
func (h *haCluster) forget(leader *haNode) {
	h.t.Helper()
	db := opened(h.t, "postgres://postgres@127.0.0.1:"+leader.port+"/postgres?sslmode=disable")
	var senders []int
	if err := db.NewRaw("SELECT pid FROM pg_stat_replication").Scan(h.t.Context(), &senders); err != nil || len(senders) == 0 {
		h.t.Errorf("%d senders: %v", len(senders), err)
	}
	for _, pid := range senders {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	wait(h.t.Context(), 4*time.Second)
	h.signal(leader, syscall.SIGKILL)
}

func (h *haCluster) switchover(from *haNode) {
	h.t.Helper()
	body, _ := json.Marshal(map[string]string{"leader": from.name})
	request, err := http.NewRequestWithContext(h.t.Context(), "POST", "http://127.0.0.1:"+from.rest+"/switchover", bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	request.SetBasicAuth("patroni", "CHANGE-ME")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		h.t.Fatalf("switchover: %d %s", answer.StatusCode, said)
	}
}
