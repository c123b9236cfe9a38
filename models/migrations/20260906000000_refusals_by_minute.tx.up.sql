-- Lists of refusals read one day after the other, the latest first; a BRIN index finds the pages of a day, not its rows.
CREATE INDEX refusals_minute ON refusals (minute);
