-- Of a mail that is not known to have been sent the older program says that it was not.
UPDATE mails SET state = 'failed' WHERE state = 'unknown';
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''due'', ''sent'', ''failed'', ''unknown'')', '(''due'', ''sent'', ''failed'')')
WHERE type = 'table' AND name = 'mails';
PRAGMA writable_schema = RESET;
DROP TABLE revocations;
ALTER TABLE oauth_states DROP COLUMN role;
