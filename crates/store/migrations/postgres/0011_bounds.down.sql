-- What is leaving is gone for its tenant already. What it still owes its provider stays there. It is of all tenants, and
-- behind their walls nothing could be changed.
ALTER TABLE links NO FORCE ROW LEVEL SECURITY;
ALTER TABLE connections NO FORCE ROW LEVEL SECURITY;
ALTER TABLE remote_writes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE skips NO FORCE ROW LEVEL SECURITY;
DELETE FROM links WHERE leaving;
DELETE FROM connections WHERE leaving_since IS NOT NULL;
UPDATE remote_writes SET reason = 'deleted_here' WHERE reason = 'leaving';
DELETE FROM skips WHERE fingerprint IS NOT NULL;
ALTER TABLE links FORCE ROW LEVEL SECURITY;
ALTER TABLE connections FORCE ROW LEVEL SECURITY;
ALTER TABLE remote_writes FORCE ROW LEVEL SECURITY;
ALTER TABLE skips FORCE ROW LEVEL SECURITY;
DROP INDEX skips_outside;
ALTER TABLE skips DROP COLUMN uid_key, DROP COLUMN fingerprint;
DROP INDEX connections_by_subject;
CREATE UNIQUE INDEX connections_by_subject ON connections (tenant_id, provider, subject)
    WHERE subject IS NOT NULL;
ALTER TABLE connections DROP COLUMN left_name, DROP COLUMN leaving_since;
ALTER TABLE links DROP COLUMN leaving, DROP COLUMN last_day, DROP COLUMN first_day;
