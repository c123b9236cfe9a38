-- A batch of many users has as many new sets of counters, and is joined with them: planned for a single one, each was compared with every other.
ALTER FUNCTION missing_charge_sets(uuid[], date) ROWS 500;
