-- What is leaving is gone for its tenant already. What it still owes its provider stays there.
DELETE FROM links WHERE leaving;
DELETE FROM connections WHERE leaving_since IS NOT NULL;
UPDATE remote_writes SET reason = 'deleted_here' WHERE reason = 'leaving';
DELETE FROM skips WHERE fingerprint IS NOT NULL;
DROP INDEX skips_outside;
ALTER TABLE skips DROP COLUMN uid_key;
ALTER TABLE skips DROP COLUMN fingerprint;
DROP INDEX connections_by_subject;
CREATE UNIQUE INDEX connections_by_subject ON connections (tenant_id, provider, subject)
    WHERE subject IS NOT NULL;
ALTER TABLE connections DROP COLUMN left_name;
ALTER TABLE connections DROP COLUMN leaving_since;
ALTER TABLE links DROP COLUMN leaving;
ALTER TABLE links DROP COLUMN last_day;
ALTER TABLE links DROP COLUMN first_day;
