-- Answers leave out limits that are unset, and a profile is answered as its snapshot has it. A text inside a snapshot has its quotes escaped,
-- so only members match.
UPDATE access_profile_versions
SET snapshot = regexp_replace(snapshot,
    ',"(rate_limit|token_max_limit|token_reset_duration|request_max_limit|request_reset_duration)":null', '', 'g')
WHERE snapshot LIKE '%":null%';
