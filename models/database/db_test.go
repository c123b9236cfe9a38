package database_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"tollgate/models/database"
	"tollgate/models/dbtest"
	"tollgate/models/modelstest"
	"tollgate/models/problem"
)

func TestInTxRepeatsAfterADeadlock(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	_, owner := dbtest.URLs(t)
	db := modelstest.Open(t, owner+"&deadlock_timeout=20ms")
	modelstest.Run(t, db, "CREATE TABLE counters AS SELECT id, 0 AS used FROM generate_series(1, 2) id")

	var met sync.WaitGroup
	met.Add(2)
	tries := make(chan int, 20)
	transfer := func(first, second int) error {
		meet := sync.OnceFunc(func() { met.Done(); met.Wait() })
		return database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
			tries <- first
			for _, id := range []int{first, second} {
				if _, err := tx.ExecContext(ctx, "UPDATE counters SET used = used + 1 WHERE id = ?", id); err != nil {
					return err
				}
				meet()
			}
			return nil
		})
	}
	failures := make(chan error, 2)
	go func() { failures <- transfer(1, 2) }()
	go func() { failures <- transfer(2, 1) }()
	for range 2 {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	if len(tries) < 3 {
		t.Errorf("%d tries: there was no deadlock to survive", len(tries))
	}
	modelstest.AssertValue(t, db, 4, "SELECT sum(used) FROM counters")
}

func TestInTxRepeatsAfterASerializationFailure(t *testing.T) {
	t.Parallel()
	_, owner := dbtest.URLs(t)
	db := modelstest.Open(t, owner)
	modelstest.Run(t, db, "CREATE TABLE counters AS SELECT 0 AS used")
	tries := 0
	err := database.InTx(t.Context(), db, func(ctx context.Context, tx database.Tx) error {
		tries++
		var used int
		if _, err := tx.ExecContext(ctx, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT used FROM counters").Scan(&used); err != nil {
			return err
		}
		if tries == 1 {
			modelstest.Run(t, db, "UPDATE counters SET used = used + 10")
		}
		_, err := tx.ExecContext(ctx, "UPDATE counters SET used = used + 1")
		return err
	})
	if err != nil || tries != 2 {
		t.Errorf("%d tries, want 2: %v", tries, err)
	}
	modelstest.AssertValue(t, db, 11, "SELECT used FROM counters")
}

func TestInTxGivesUp(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	for _, c := range []struct {
		code, constraint string
		tries            int
	}{{"40001", "", 6}, {"40P01", "", 6}, {"55P03", "", 1}, {"23505", "", 1}, {"23514", "", 6}, {"23514", "counter_check", 1}} {
		t.Run(c.code+" "+c.constraint, func(t *testing.T) {
			t.Parallel()
			tries := 0
			err := database.InTx(t.Context(), db, func(ctx context.Context, tx database.Tx) error {
				tries++
				_, err := tx.ExecContext(ctx, "DO $$ BEGIN RAISE EXCEPTION SQLSTATE '"+c.code+
					"' USING CONSTRAINT = '"+c.constraint+"'; END $$")
				return err
			})
			if problem.SQLState(err) != c.code || tries != c.tries {
				t.Errorf("%d tries, want %d: %v", tries, c.tries, err)
			}
		})
	}
}

func TestInTxJoinsATransaction(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	outer, inner := 0, 0
	err := database.InTx(t.Context(), db, func(ctx context.Context, tx database.Tx) error {
		outer++
		return database.InTx(ctx, tx, func(ctx context.Context, tx database.Tx) error {
			inner++
			_, err := tx.ExecContext(ctx, "INSERT INTO login_throttles VALUES ('inner', 1, now());"+
				"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$")
			return err
		})
	})
	if problem.SQLState(err) != "40001" || outer != 6 || inner != outer {
		t.Errorf("%d tries of the whole, %d of its part: %v", outer, inner, err)
	}
	modelstest.AssertValue(t, db, 0, "SELECT count(*) FROM login_throttles")
}

func TestSessionsAreLimited(t *testing.T) {
	t.Parallel()
	app := dbtest.URL(t)
	for _, c := range []struct{ url, want string }{
		{app, "5s 2s 10s UTC tollgate"},
		{app + "&statement_timeout=1min&timezone=Europe/Zurich", "1min 2s 10s UTC tollgate"},
	} {
		modelstest.AssertValue(t, modelstest.Open(t, c.url), c.want, `SELECT concat_ws(' ', current_setting('statement_timeout'),
			current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'),
			current_setting('timezone'), current_setting('application_name'))`)
	}
}

func TestStatementsDoNotStack(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t)
	if _, err := db.DB.ExecContext(t.Context(), "SELECT $1::int; SELECT 2", 1); problem.SQLState(err) != "42601" {
		t.Errorf("a second statement behind the first: %v", err)
	}
}

func TestCheckServer(t *testing.T) {
	t.Parallel()
	app := dbtest.URL(t)
	for _, c := range []struct{ setting, refused string }{
		{"", ""},
		{"&synchronous_commit=local", ""},
		{"&synchronous_commit=off", "synchronous_commit"},
		{"&standard_conforming_strings=off", "standard_conforming_strings"},
	} {
		err := database.CheckServer(t.Context(), modelstest.Open(t, app+c.setting))
		var refusal database.ServerSettingError
		if errors.As(err, &refusal); refusal.Name != c.refused || (err == nil) != (c.refused == "") {
			t.Errorf("%q: %v", c.setting, err)
		}
	}
}
