-- What the holders of one profile used of a provider lately is read while the profile is edited.
CREATE INDEX usage_days_profile ON usage_days (access_profile_id, provider, day) WHERE access_profile_id <> 0;
