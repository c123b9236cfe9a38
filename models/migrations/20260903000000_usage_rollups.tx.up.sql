-- Coarser sums of usage_days, for reports that ask for no more: of each day by one thing alone, and of each month by user. They are up to date
-- while rolled_up_at equals computed_at; a console that does not know them changes computed_at alone, and the next one that does makes them anew.
CREATE TABLE usage_groups (
    grouping text COLLATE "C" NOT NULL CHECK (grouping IN ('day', 'provider', 'model', 'profile')),
    day      date NOT NULL,
    key      text COLLATE "C" NOT NULL,
    cost     numeric NOT NULL,
    tokens   numeric NOT NULL,
    requests bigint NOT NULL,
    unpriced bigint NOT NULL,
    PRIMARY KEY (grouping, day, key)
);
CREATE TABLE usage_months (
    month    date NOT NULL, -- its first day; in it are the days that are added up
    user_id  text COLLATE "C" NOT NULL,
    cost     numeric NOT NULL,
    tokens   numeric NOT NULL,
    requests bigint NOT NULL,
    unpriced bigint NOT NULL,
    PRIMARY KEY (month, user_id)
);
ALTER TABLE usage_totals_state ADD COLUMN rolled_up_at timestamptz;
