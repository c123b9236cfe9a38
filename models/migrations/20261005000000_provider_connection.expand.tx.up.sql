-- A provider whose users a directory provisions: who signs in is the one whose external_id equals a claim.
ALTER TABLE identity_providers ADD connection_id bigint CONSTRAINT identity_providers_connection REFERENCES scim_connections;
ALTER TABLE identity_providers ADD match_claim text NOT NULL DEFAULT 'sub';
