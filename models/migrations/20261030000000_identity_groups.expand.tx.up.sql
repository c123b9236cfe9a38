-- The groups that decided on the role at the last sign-in, for the preview of rules; NULL while they are not known.
ALTER TABLE user_identities ADD groups text[];
ALTER TABLE user_identities ADD groups_at timestamptz;
