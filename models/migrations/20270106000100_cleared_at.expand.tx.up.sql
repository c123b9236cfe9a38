-- When an operator's reset took "cleared" from what is shown: what is corrected of an event before it changes both, of a later one only "used". It is
-- not known of what consoles of the release before clear.
ALTER TABLE limit_windows ADD cleared_at timestamptz;
