-- Counters and sums of days are changed far more often than made. With room on its page a changed row stays there, and no index is written.
ALTER TABLE limit_windows SET (fillfactor = 70);
ALTER TABLE usage_days SET (fillfactor = 80);
