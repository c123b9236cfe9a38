-- Rows that change together change in place when their page has room for their next version.
ALTER TABLE budgets SET (fillfactor = 45);
ALTER TABLE rate_limits SET (fillfactor = 45);
ALTER TABLE user_access_profiles SET (fillfactor = 45);
ALTER TABLE propagation_items SET (fillfactor = 45);

-- What waits is walked in the order of the primary key, and noting that it is done changes no index any more.
DROP INDEX propagation_items_open;
