-- Tools that a server lists no more, while a profile or a tool group still names them. They are among its tools.
ALTER TABLE mcp_servers ADD gone_tools text[] NOT NULL DEFAULT '{}';
