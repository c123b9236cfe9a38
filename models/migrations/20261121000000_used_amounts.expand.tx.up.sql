-- The preview of a propagation looks for the counters that reach a limit. How many do is known for each kind apart: dollars are counted in
-- billions, requests are not.
CREATE STATISTICS limit_windows_spend ON (CASE WHEN kind = 'spend' THEN used - cleared END) FROM limit_windows;
CREATE STATISTICS limit_windows_tokens ON (CASE WHEN kind = 'tokens' THEN used - cleared END) FROM limit_windows;
CREATE STATISTICS limit_windows_requests ON (CASE WHEN kind = 'requests' THEN used - cleared END) FROM limit_windows;
