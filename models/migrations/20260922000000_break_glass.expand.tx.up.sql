-- An admin who signs in with a password also while the others have to use an identity provider, and when that was last.
ALTER TABLE users ADD break_glass boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD break_glass_at timestamptz;
CREATE INDEX users_break_glass ON users (break_glass_at) WHERE break_glass;
