-- The resources that files of configuration own: of which set they are, and the document that was applied last. It is
-- the base by which a change in the console is told from one in the files. It is text, so that it is compared by bytes.
CREATE TABLE config_resources (
    kind       text NOT NULL,
    name_key   text NOT NULL,
    name       text NOT NULL,
    set_name   text NOT NULL,
    applied    text NOT NULL,
    applied_at timestamptz NOT NULL,
    CONSTRAINT config_resources_pkey PRIMARY KEY (kind, name_key)
);
