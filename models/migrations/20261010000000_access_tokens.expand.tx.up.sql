-- Which access tokens of a provider say who makes a call, in place of a virtual key: those for this audience; '' for none.
ALTER TABLE identity_providers ADD token_audience text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE identity_providers ADD token_scope text COLLATE "C" NOT NULL DEFAULT ''; -- that they must have; '' for any
ALTER TABLE identity_providers ADD token_clients text[] NOT NULL DEFAULT '{}'; -- to which they are issued; empty for any
CREATE UNIQUE INDEX identity_providers_audience_taken ON identity_providers (issuer, token_audience) WHERE token_audience <> '';
