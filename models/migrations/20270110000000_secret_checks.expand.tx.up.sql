-- By which secrets consoles tell each other apart: a value derived from the secret, which tells nothing about it.
ALTER TABLE consoles ADD secret_check bytea;

-- Since when which secret was used with this database, a row each time that it was another one than before. What was made while another was used is
-- unknown to a console.
CREATE TABLE secret_checks (
    since        timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
    secret_check bytea NOT NULL
);
