-- Nothing looks events up but by their id: reports are of usage_days.
DROP INDEX usage_events_user, usage_events_time;
