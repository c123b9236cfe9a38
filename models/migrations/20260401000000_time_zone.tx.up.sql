-- Windows that follow the calendar may follow that of a time zone.
ALTER TABLE policies ADD time_zone text COLLATE "C" NOT NULL DEFAULT ''; -- an IANA name; '' is UTC

-- The calendar that windows follow, null when they roll.
CREATE FUNCTION calendar_name(aligned boolean, zone text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
SELECT CASE WHEN aligned THEN coalesce(nullif(zone, ''), 'UTC') END
$$;
ALTER TABLE policies ADD calendar text COLLATE "C" GENERATED ALWAYS AS (calendar_name(calendar_aligned, time_zone)) STORED;

DROP FUNCTION window_start(text, integer, boolean, timestamptz, timestamptz, timestamptz, timestamptz);
DROP FUNCTION window_end(text, integer, boolean, timestamptz, timestamptz);
DROP FUNCTION calendar_start(text, integer, timestamptz);

-- The midnight that a zone's clocks show first, or the moment at which they skip it. UTC, the usual one, has one midnight a day.
CREATE FUNCTION midnight(wall timestamp, zone text) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
    WHEN zone = 'UTC' THEN wall AT TIME ZONE 'UTC'
    WHEN ((wall - interval '12 hours') AT TIME ZONE zone + interval '12 hours') AT TIME ZONE zone = wall
    THEN (wall - interval '12 hours') AT TIME ZONE zone + interval '12 hours'
    ELSE wall AT TIME ZONE zone
END
$$;

-- The first day of the calendar's day, week, month, quarter or year, where the zone's clocks show wall.
CREATE FUNCTION calendar_start(duration text, quarter integer, wall timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$
SELECT CASE duration
    WHEN '1d' THEN date_trunc('day', wall)
    WHEN '1w' THEN date_trunc('week', wall)
    WHEN '1M' THEN date_trunc('month', wall)
    WHEN '1Q' THEN date_trunc('month', wall) - make_interval(months => (extract(month FROM wall)::integer - quarter + 12) % 3)
    WHEN '1Y' THEN date_trunc('year', wall)
END
$$;

-- The same as Window in Go: start of the window that a moment falls into.
CREATE FUNCTION window_start(
    duration text, quarter integer, calendar text, anchor timestamptz, carried_from timestamptz, carried_until timestamptz, moment timestamptz
) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
    WHEN moment >= carried_from AND moment < carried_until THEN carried_from
    WHEN calendar IS NOT NULL AND duration <> '1h' THEN midnight(calendar_start(duration, quarter, moment AT TIME ZONE calendar), calendar)
    ELSE date_bin(window_span(duration), moment, anchor)
END
$$;

-- And its end.
CREATE FUNCTION window_end(duration text, quarter integer, calendar text, anchor timestamptz, moment timestamptz)
RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
    WHEN calendar IS NOT NULL AND duration <> '1h' THEN midnight(calendar_start(duration, quarter, moment AT TIME ZONE calendar) + CASE duration
        WHEN '1d' THEN interval '1 day' WHEN '1w' THEN interval '7 days' WHEN '1M' THEN interval '1 month'
        WHEN '1Q' THEN interval '3 months' ELSE interval '1 year' END, calendar)
    ELSE date_bin(window_span(duration), moment, anchor) + window_span(duration)
END
$$;
