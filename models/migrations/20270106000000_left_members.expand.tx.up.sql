-- The groups of users whom a directory deleted: a user who comes back within the retention is in those that are still there, so that their role,
-- and what it hands out, stays. Rows go with their group, and with what the directory said of the user.
CREATE TABLE scim_left_members (
    group_id uuid NOT NULL REFERENCES scim_groups ON DELETE CASCADE,
    user_id  text NOT NULL REFERENCES scim_users ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX scim_left_members_user ON scim_left_members (user_id);
