-- The version before would show them in lists.
DELETE FROM tokens WHERE embedded;
DROP INDEX tokens_embedded;
DROP INDEX tokens_by_maker;
ALTER TABLE tokens DROP COLUMN made_with;
ALTER TABLE tokens DROP COLUMN embedded;
