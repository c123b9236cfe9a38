-- The list of users reads a page in its order.
CREATE INDEX users_by_name ON users (lower(name), email_key);
