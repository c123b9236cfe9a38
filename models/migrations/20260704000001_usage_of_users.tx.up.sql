-- What one user used is read on their own page, and by reports that are narrowed to them.
CREATE INDEX usage_days_user ON usage_days (user_id, day);
