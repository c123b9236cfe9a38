-- The consoles at work, each with the newest migration it knows.
CREATE TABLE consoles (
    id      text PRIMARY KEY,
    version text NOT NULL,
    schema  text COLLATE "C" NOT NULL,
    seen_at timestamptz NOT NULL
);

-- The applied migrations that contract, by which a console that does not know one is told that it is out of date.
CREATE TABLE contracts (
    name       text COLLATE "C" PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
