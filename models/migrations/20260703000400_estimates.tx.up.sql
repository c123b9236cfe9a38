-- An event whose numbers are estimates is replaced by the exact one when it comes.
ALTER TABLE usage_events ADD estimated boolean NOT NULL DEFAULT false;
