package pgserver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// ErrMissing says that this machine has no database server to start.
var ErrMissing = errors.New("no PostgreSQL server is installed here; run: " +
	"apt-get install -y --no-install-recommends postgresql")

// VersionError says that the data belongs to another major version of the server.
type VersionError struct {
	Dir, Data string
	Installed []string
}

func (e VersionError) Error() string {
	return fmt.Sprintf("the data in %s was written by PostgreSQL %s, installed here: %s; "+
		"install PostgreSQL %[2]s, or move the data with pg_upgrade",
		e.Dir, e.Data, strings.Join(e.Installed, ", "))
}

// cluster is a locked data folder and everything needed to serve it.
type cluster struct {
	dir, data, socket, bin string
	user                   *syscall.Credential // nil: the user who runs the console
	settings               map[string]string
	log                    *slog.Logger
	lock                   *os.File
	fresh                  bool // it was filled just now
}

// openCluster locks the folder before anything in it is looked at or changed.
func openCluster(config Config) (*cluster, error) {
	dir := config.Dir
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	user, err := serverUser()
	if err != nil {
		return nil, err
	}
	mode := fs.FileMode(0o700)
	if user != nil {
		mode = 0o711
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return nil, fmt.Errorf("create the folder for the database: %w", err)
	}
	// The server compares real paths, and so does the search for its leftovers.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	return &cluster{
		dir: dir, data: filepath.Join(dir, "data"), user: user,
		settings: config.Settings, log: config.Log, lock: lock,
	}, nil
}

// prepare leaves a complete cluster, a socket folder, and no trace of a crashed run.
func (c *cluster) prepare(ctx context.Context) error {
	if err := checkPassage(c.dir, c.user); err != nil {
		return err
	}
	fresh := c.data + ".new"
	for _, folder := range []string{fresh, c.data} {
		if err := endLeftovers(ctx, folder); err != nil {
			return err
		}
	}
	var err error
	if c.bin, err = c.chooseBinaries(); err != nil {
		return err
	}
	if _, err := os.Stat(c.data); errors.Is(err, fs.ErrNotExist) {
		if err := c.initialise(ctx, fresh); err != nil {
			return err
		}
		c.fresh = true
	}
	if err := c.prepareSocket(); err != nil {
		return err
	}
	for _, stale := range []string{
		filepath.Join(c.data, "postmaster.pid"),
		filepath.Join(c.socket, ".s.PGSQL."+postgresPort+".lock"),
	} {
		if err := removeStale(stale); err != nil {
			return err
		}
	}
	return nil
}

// initialise builds the cluster beside its final place: a crash in between leaves no half of one.
func (c *cluster) initialise(ctx context.Context, fresh string) error {
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := c.makePrivate(fresh); err != nil {
		return err
	}
	arguments := []string{
		"-D", fresh, "-U", postgresOwner, "-E", "UTF8", "--locale=C.UTF-8",
		"--auth=trust", "--data-checksums", "--no-instructions",
	}
	if c.settings["fsync"] == "off" {
		arguments = append(arguments, "--no-sync")
	}
	var output strings.Builder
	command := c.command("initdb", arguments...)
	command.Stdout, command.Stderr = &output, &output
	wait, err := startOwned(command)
	if err != nil {
		return err
	}
	select {
	case err = <-wait:
	case <-ctx.Done():
		_ = command.Process.Signal(syscall.SIGINT)
		<-wait
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(output.String()))
	}
	return os.Rename(fresh, c.data)
}

// serverArguments are the settings of the server, the console's own first: the last word wins.
func (c *cluster) serverArguments() []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"port":                    postgresPort,
		"unix_socket_directories": c.socket,
		"unix_socket_permissions": "0700",
		"fsync":                   "on",
		"timezone":                "UTC",
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"log_line_prefix":         "",
		// Rows and statements in the log could contain what must not be there.
		"log_min_error_statement": "panic",
		"log_error_verbosity":     "terse",
	}
	maps.Copy(settings, c.settings)
	arguments := []string{"-D", c.data}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		arguments = append(arguments, "-c", name+"="+settings[name])
	}
	return arguments
}

// command runs a server program with an environment of its own: the console's
// contains secrets, and PG variables would change where the server listens.
func (c *cluster) command(program string, arguments ...string) *exec.Cmd {
	command := exec.Command(filepath.Join(c.bin, program), arguments...)
	command.Dir = c.dir
	command.SysProcAttr = childAttributes(c.user)
	command.WaitDelay = postgresGrace
	command.Env = []string{"LC_ALL=C.UTF-8", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	return command
}

// chooseBinaries finds the server's programs: the newest, or those that wrote the data.
func (c *cluster) chooseBinaries() (string, error) {
	installed := installedServers()
	if len(installed) == 0 {
		return "", ErrMissing
	}
	written, err := os.ReadFile(filepath.Join(c.data, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return installed[0].bin, nil
	}
	if err != nil {
		return "", err
	}
	wanted := VersionError{Dir: c.dir, Data: strings.TrimSpace(string(written))}
	for _, server := range installed {
		if server.major == wanted.Data {
			return server.bin, nil
		}
		wanted.Installed = append(wanted.Installed, server.major)
	}
	return "", wanted
}

// prepareSocket chooses a folder whose socket path the kernel accepts.
func (c *cluster) prepareSocket() error {
	const longest = 107
	c.socket = filepath.Join(c.dir, "run")
	if len(filepath.Join(c.socket, ".s.PGSQL."+postgresPort)) > longest {
		c.socket = filepath.Join(os.TempDir(), fmt.Sprintf("tollgate-pg-%.8x", sha256.Sum256([]byte(c.dir))))
	}
	return c.makePrivate(c.socket)
}

// makePrivate makes a folder that only the server's user may enter, and accepts an existing
// one only when it is exactly that: in a shared folder anyone could have put it there.
func (c *cluster) makePrivate(folder string) error {
	uid, gid := os.Geteuid(), os.Getegid()
	if c.user != nil {
		uid, gid = int(c.user.Uid), int(c.user.Gid)
	}
	switch err := os.Mkdir(folder, 0o700); {
	case err == nil:
		return os.Lchown(folder, uid, gid)
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	found, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	if owner := found.Sys().(*syscall.Stat_t).Uid; !found.IsDir() || int(owner) != uid {
		return fmt.Errorf("%s is not a folder of the user with id %d; remove it", folder, uid)
	}
	return os.Chmod(folder, 0o700)
}

// createDatabase makes what a new cluster lacks; a crash may have stopped an earlier try anywhere.
func createDatabase(ctx context.Context, socket Socket) error {
	config, err := pgx.ParseConfig(socket.database(postgresOwner, "postgres"))
	if err != nil {
		return err
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, part := range []struct{ exists, create string }{
		{
			"SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = '" + postgresRole + "')",
			"CREATE ROLE " + postgresRole + " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE",
		},
		{
			"SELECT EXISTS (SELECT FROM pg_database WHERE datname = '" + postgresDatabase + "')",
			"CREATE DATABASE " + postgresDatabase,
		},
	} {
		var exists bool
		if err := conn.QueryRow(ctx, part.exists).Scan(&exists); err != nil {
			return err
		}
		if exists {
			continue
		}
		if _, err := conn.Exec(ctx, part.create); err != nil {
			return err
		}
	}
	return nil
}
