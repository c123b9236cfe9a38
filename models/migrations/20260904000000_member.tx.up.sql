-- The built-in role of users who only use models and tools: it permits nothing in the console. A role of one's own that
-- has this name already makes way.
UPDATE roles SET name = 'Member (' || id || ')', name_key = 'member (' || id || ')', updated_at = now()
WHERE name_key = 'member';

INSERT INTO roles (name, name_key, description, is_system_role)
VALUES ('Member', 'member', 'Uses models and tools, and sees only their own access.', true);
