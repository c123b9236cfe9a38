-- Previews of profiles given to many that were carried out: each runs once.
CREATE TABLE handouts (
    token_hash        bytea PRIMARY KEY,
    access_profile_id bigint NOT NULL REFERENCES access_profiles ON DELETE CASCADE,
    created_at        timestamptz NOT NULL DEFAULT now()
);

-- What an admin sets for the whole console.
CREATE TABLE settings (
    name       text PRIMARY KEY,
    value      text NOT NULL,
    updated_at timestamptz NOT NULL
);
