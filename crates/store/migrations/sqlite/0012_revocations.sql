-- As what somebody may come back from a consent page; grants that are to be taken back; mails of which nobody knows whether
-- they were sent.

-- As what they went there; none for the platform.
ALTER TABLE oauth_states ADD COLUMN role TEXT CHECK (role IN ('owner', 'manager', 'staff', 'customer'));

-- Of accounts that are gone: what is left of them until their provider was told. Of the platform's mailbox the tenant is the
-- nil id, and there is no connection.
CREATE TABLE revocations (
    tenant_id     BLOB NOT NULL,
    provider      TEXT NOT NULL CHECK (provider IN ('google', 'microsoft')),
    subject       TEXT NOT NULL,
    connection_id BLOB,
    -- Sealed as it was with the account.
    refresh_token BLOB NOT NULL,
    owed_since    INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, provider, subject)
) STRICT;
CREATE INDEX revocations_due ON revocations (due_at);

-- A CHECK is part of a table's text, which is changed as in 0010: it only lets more in.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''due'', ''sent'', ''failed'')', '(''due'', ''sent'', ''failed'', ''unknown'')')
WHERE type = 'table' AND name = 'mails';
PRAGMA writable_schema = RESET;
