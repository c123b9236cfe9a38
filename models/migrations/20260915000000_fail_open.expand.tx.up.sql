-- For how many seconds calls are allowed from memory while the database is away. 0 refuses them.
ALTER TABLE policies ADD COLUMN fail_open_for integer NOT NULL DEFAULT 0
    CONSTRAINT policies_fail_open_range CHECK (fail_open_for BETWEEN 0 AND 300);
