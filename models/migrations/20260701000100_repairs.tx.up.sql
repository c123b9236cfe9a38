-- What is repaired once by the program, because SQL cannot: each row is a repair that is done.
CREATE TABLE data_repairs (
    name    text PRIMARY KEY,
    done_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
