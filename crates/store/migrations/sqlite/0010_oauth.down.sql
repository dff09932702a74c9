DROP TABLE mails;
DROP TABLE mailbox;
DROP TABLE platform_keys;

DROP TABLE oauth_states;
CREATE TABLE oauth_states (
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
    provider   TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant_id  BLOB REFERENCES tenants (id) ON DELETE CASCADE,
    -- Sealed.
    verifier   BLOB NOT NULL,
    return_url TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_states_by_expiry ON oauth_states (expires_at);

-- What came with these accounts goes with them; the events that were taken over stay.
DELETE FROM links WHERE (tenant_id, connection_id) IN
    (SELECT tenant_id, id FROM connections WHERE provider IN ('google', 'microsoft'));
DELETE FROM connections WHERE provider IN ('google', 'microsoft');
DROP INDEX connections_of_subject;
DROP INDEX connections_by_subject;
ALTER TABLE links DROP COLUMN held_told_at;
ALTER TABLE connections DROP COLUMN told_at;
ALTER TABLE connections DROP COLUMN refresh_until;
ALTER TABLE connections DROP COLUMN refresh_holder;
ALTER TABLE connections DROP COLUMN access_expires_at;
ALTER TABLE connections DROP COLUMN subject;

PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''caldav'', ''ics'', ''google'', ''microsoft'')', '(''caldav'', ''ics'')')
WHERE type = 'table' AND name = 'connections';
UPDATE sqlite_schema
SET sql = replace(sql, '(''password'', ''access_token'', ''refresh_token'')', '(''password'')')
WHERE type = 'table' AND name = 'secrets';
PRAGMA writable_schema = RESET;
