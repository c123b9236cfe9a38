-- A deactivated user cannot sign in, and gateways refuse their keys. Copies, counters and keys stay as they are for when the user is back.
ALTER TABLE users ADD deactivated_at timestamptz;
-- When the directory that a user comes from deleted them there.
ALTER TABLE users ADD left_at timestamptz;

-- A service key belongs to the console: it works on when its maker is deactivated or deleted.
ALTER TABLE api_keys ADD service boolean NOT NULL DEFAULT false;
-- The address of the maker of a service key, once the maker was deleted.
ALTER TABLE api_keys ADD former_maker text;
