-- Copies that were paused with all others of their profile, which are resumed together; those paused one by one stay
-- paused then. It says nothing of a copy that is active.
ALTER TABLE user_access_profiles ADD paused_together boolean NOT NULL DEFAULT false;
