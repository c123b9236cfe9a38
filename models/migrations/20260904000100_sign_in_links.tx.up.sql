-- A link by which one user signs in once, to their own access only. A user has at most one that is valid.
CREATE TABLE sign_in_links (
    user_id    text PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    token_hash bytea NOT NULL UNIQUE,
    permitted  text[] NOT NULL, -- what the user's role permitted when the link was made; with more it is not valid
    expires_at timestamptz NOT NULL
);

-- A session that a link began shows the user's own access and nothing else of the console.
ALTER TABLE sessions ADD own_only boolean NOT NULL DEFAULT false;
