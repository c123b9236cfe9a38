package policy

// ActiveCopy is in SQL which user_access_profiles AS c grant something now: neither paused nor at their end, which does
// not count while the copy comes with a role.
const ActiveCopy = "c.is_active AND (c.from_role OR c.expires_at IS NULL OR c.expires_at > now())"
