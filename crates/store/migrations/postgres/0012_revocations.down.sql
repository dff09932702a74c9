DROP TABLE revocations;
ALTER TABLE oauth_states DROP COLUMN role;
