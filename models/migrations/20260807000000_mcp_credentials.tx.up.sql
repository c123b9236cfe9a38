-- A credential for discovery is sealed with the console's secret; the header's name is no secret. Descriptions are those that a server gave its
-- tools when it was last asked, by name.
ALTER TABLE mcp_servers
    ADD credential_header text,
    ADD credential_sealed bytea,
    ADD credential_set_at timestamptz,
    ADD tool_descriptions jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT mcp_servers_credential_whole CHECK
        ((credential_header IS NULL) = (credential_sealed IS NULL) AND (credential_header IS NULL) = (credential_set_at IS NULL));
