-- The networks from which users signed in with their password, each as a hash with the account: there, wrong passwords
-- from elsewhere do not delay the next try.
CREATE TABLE sign_in_networks (
    network_hash bytea NOT NULL,
    user_id      text NOT NULL REFERENCES users ON DELETE CASCADE,
    seen_at      timestamptz NOT NULL,
    CONSTRAINT sign_in_networks_pkey PRIMARY KEY (network_hash)
);
CREATE INDEX sign_in_networks_user ON sign_in_networks (user_id);
