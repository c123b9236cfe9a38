-- When the days of a closed week were last found to be what all of their events add up to. No week is archived or dropped before that.
ALTER TABLE usage_weeks ADD sealed_at timestamptz;
