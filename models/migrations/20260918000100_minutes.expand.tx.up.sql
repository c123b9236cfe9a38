-- Limits of tokens and requests may reset each minute. A minute keeps rolling in every calendar, as an hour does.
ALTER TABLE limit_lines DROP CONSTRAINT limit_lines_reset_duration_check,
    ADD CONSTRAINT limit_lines_duration_check CHECK (reset_duration IN ('1m', '1h', '1d', '1w', '1M', '1Q', '1Y')),
    ADD CONSTRAINT limit_lines_minute_check CHECK (kind <> 'spend' OR reset_duration <> '1m');

CREATE OR REPLACE FUNCTION window_span(duration text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
SELECT CASE duration
    WHEN '1m' THEN interval '1 minute' WHEN '1h' THEN interval '1 hour' WHEN '1d' THEN interval '24 hours'
    WHEN '1w' THEN interval '168 hours' WHEN '1M' THEN interval '720 hours' WHEN '1Q' THEN interval '2160 hours'
    WHEN '1Y' THEN interval '8760 hours'
END
$$;

CREATE OR REPLACE FUNCTION window_start(
    duration text, quarter integer, calendar text, anchor timestamptz, carried_from timestamptz, carried_until timestamptz, moment timestamptz
) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
    WHEN moment >= carried_from AND moment < carried_until THEN carried_from
    WHEN calendar IS NOT NULL AND duration NOT IN ('1m', '1h')
        THEN midnight(calendar_start(duration, quarter, moment AT TIME ZONE calendar), calendar)
    ELSE date_bin(window_span(duration), moment, anchor)
END
$$;

CREATE OR REPLACE FUNCTION window_end(duration text, quarter integer, calendar text, anchor timestamptz, moment timestamptz)
RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
SELECT CASE
    WHEN calendar IS NOT NULL AND duration NOT IN ('1m', '1h')
        THEN midnight(calendar_start(duration, quarter, moment AT TIME ZONE calendar) + CASE duration
            WHEN '1d' THEN interval '1 day' WHEN '1w' THEN interval '7 days' WHEN '1M' THEN interval '1 month'
            WHEN '1Q' THEN interval '3 months' ELSE interval '1 year' END, calendar)
    ELSE date_bin(window_span(duration), moment, anchor) + window_span(duration)
END
$$;
