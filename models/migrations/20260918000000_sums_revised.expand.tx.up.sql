-- When the sums of past days last changed, by which a console knows whether what it keeps of them still holds. It is known while noted_at equals
-- computed_at; a console that does not know it changes computed_at alone.
ALTER TABLE usage_totals_state ADD COLUMN revised_at timestamptz, ADD COLUMN noted_at timestamptz;
