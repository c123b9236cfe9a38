-- An override that ends on a date has it here too. Where until differs from ends_at, a console of the release before
-- has replaced the override with one for a number of windows.
ALTER TABLE budget_overrides ADD until timestamptz;
