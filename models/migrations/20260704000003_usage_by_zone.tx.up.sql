-- Reports in the days of a time zone read the events between midnight there and the nearest midnight of UTC; the rest is in usage_days. Events
-- come about in the order of their time, so an index of ranges is small and costs little when they are stored; those that come late are kept
-- apart in it.
CREATE INDEX usage_events_occurred ON usage_events USING brin (occurred_at timestamptz_minmax_multi_ops) WITH (autosummarize = on);
