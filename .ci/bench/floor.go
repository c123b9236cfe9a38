package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgxpool"
)

// floor answers as the console does, with the least work that this takes: it knows no users, checks nothing and logs
// nothing.
type floor struct {
	db   *pgxpool.Pool
	page page
}

// floorTables copies the console's tables into a schema of their own, with their indexes and foreign keys.
const floorTables = `
CREATE SCHEMA floor;
DO $$
DECLARE
    written text;
    statement text;
BEGIN
    FOREACH written IN ARRAY ARRAY['policies', 'provider_configs', 'limit_lines', 'policy_tool_groups',
        'policy_mcp_servers',
                                   'policy_tool_overrides', 'access_profiles', 'access_profile_tags',
                                       'access_profile_versions', 'audit_logs'] LOOP
        EXECUTE format('CREATE TABLE floor.%I (LIKE public.%I INCLUDING ALL)', written, written);
    END LOOP;
    FOR statement IN
        SELECT format('ALTER TABLE floor.%I ADD %s', c.relname, pg_get_constraintdef(k.oid))
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
        WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace
            AND to_regclass('floor.' || c.relname) IS NOT NULL
    LOOP
        PERFORM set_config('search_path', 'floor, public', true);
        EXECUTE statement;
        PERFORM set_config('search_path', 'public', true);
    END LOOP;
END
$$;
CREATE TABLE floor.documents (id bigint PRIMARY KEY, name_key text COLLATE "C" NOT NULL UNIQUE, document text NOT NULL);
INSERT INTO floor.documents
SELECT p.id, p.name_key, v.snapshot
FROM access_profiles p JOIN access_profile_versions v ON v.access_profile_id = p.id AND v.version = p.version;
ANALYZE floor.documents`

func serveFloor(ctx context.Context, addr, database string) error {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return err
	}
	config.MaxConns = 10 // as many as the console has
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(ctx, floorTables); err != nil {
		return fmt.Errorf("make the floor's tables: %w", err)
	}
	f := &floor{db: db}
	if err := f.loadPage(ctx); err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) { c.Status(http.StatusOK) })
	engine.GET("/list", answering(f.list))
	engine.GET("/one/:id", answering(f.one))
	engine.GET("/page", answering(f.renderPage))
	engine.POST("/create", answering(f.create))
	return listen(ctx, addr, engine)
}

// listen serves until ctx ends.
func listen(ctx context.Context, addr string, handler http.Handler) error {
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func answering(action func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := action(c); err != nil {
			c.String(http.StatusInternalServerError, "%v", err)
		}
	}
}

// list passes the stored documents of the first page through.
func (f *floor) list(c *gin.Context) error {
	rows, err := f.db.Query(c.Request.Context(), "SELECT document FROM floor.documents ORDER BY name_key LIMIT 25")
	if err != nil {
		return err
	}
	defer rows.Close()
	body := append(make([]byte, 0, 80<<10), `{"access_profiles":[`...)
	count := 0
	for ; rows.Next(); count++ {
		if count > 0 {
			body = append(body, ',')
		}
		body = append(body, rows.RawValues()[0]...)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var total int
	if err := f.db.QueryRow(c.Request.Context(), "SELECT count(*) FROM floor.documents").Scan(&total); err != nil {
		return err
	}
	body = fmt.Appendf(body, `],"count":%d,"total_count":%d,"limit":25,"offset":0}`, count, total)
	c.Data(http.StatusOK, "application/json; charset=utf-8", body)
	return nil
}

// one passes a stored document through.
func (f *floor) one(c *gin.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return err
	}
	var document []byte
	if err := f.db.QueryRow(c.Request.Context(), "SELECT document FROM floor.documents WHERE id = $1", id).
		Scan(&document); err != nil {
		return err
	}
	body := append(make([]byte, 0, len(document)+64), `{"access_profile":`...)
	body = append(append(body, document...), `,"roles":[],"user_count":0}`...)
	c.Data(http.StatusOK, "application/json; charset=utf-8", body)
	return nil
}
