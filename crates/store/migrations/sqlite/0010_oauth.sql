-- Accounts at Google and Microsoft, the platform's own key and mailbox, and the mails that are owed.

-- A CHECK is part of a table's text, and making these tables anew would take along all that refers to them. So the text is
-- changed, which only lets more in: "Making Other Kinds Of Table Schema Changes", https://sqlite.org/lang_altertable.html.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''caldav'', ''ics'')', '(''caldav'', ''ics'', ''google'', ''microsoft'')')
WHERE type = 'table' AND name = 'connections';
UPDATE sqlite_schema
SET sql = replace(sql, '(''password'')', '(''password'', ''access_token'', ''refresh_token'')')
WHERE type = 'table' AND name = 'secrets';
PRAGMA writable_schema = RESET;

-- Who the account is at the provider: what stays when its address changes.
ALTER TABLE connections ADD COLUMN subject TEXT;
-- From when on the access token is good no more.
ALTER TABLE connections ADD COLUMN access_expires_at INTEGER;
-- One flight of refreshing for an account: who is at it, and until when others wait.
ALTER TABLE connections ADD COLUMN refresh_holder TEXT;
ALTER TABLE connections ADD COLUMN refresh_until INTEGER;
-- When its people were told that it must be connected again.
ALTER TABLE connections ADD COLUMN told_at INTEGER;
CREATE UNIQUE INDEX connections_by_subject ON connections (tenant_id, provider, subject)
    WHERE subject IS NOT NULL;
CREATE INDEX connections_of_subject ON connections (provider, subject) WHERE subject IS NOT NULL;
-- When its people were told of the deletions that it holds.
ALTER TABLE links ADD COLUMN held_told_at INTEGER;

DROP TABLE oauth_states;
CREATE TABLE oauth_states (
    hash       BLOB PRIMARY KEY CHECK (length(hash) = 32),
    provider   TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    -- Nobody, where it is for signing in.
    user_id    BLOB REFERENCES users (id) ON DELETE CASCADE,
    tenant_id  BLOB REFERENCES tenants (id) ON DELETE CASCADE,
    -- Whether it began in a browser that was signed in, and has to end in one.
    browser    INTEGER NOT NULL,
    -- Sealed.
    verifier   BLOB NOT NULL,
    return_url TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_states_by_expiry ON oauth_states (expires_at);

-- The data key of what belongs to no tenant.
CREATE TABLE platform_keys (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    master_key_id TEXT NOT NULL,
    wrapped       BLOB NOT NULL,
    wrapped_at    INTEGER NOT NULL
) STRICT;

-- The mailbox from which notices are sent.
CREATE TABLE mailbox (
    id                INTEGER PRIMARY KEY CHECK (id = 1),
    provider          TEXT NOT NULL CHECK (provider IN ('google', 'microsoft')),
    subject           TEXT NOT NULL,
    email             TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('ok', 'reconnect_needed')),
    problem           TEXT,
    -- Sealed.
    access_token      BLOB NOT NULL,
    access_expires_at INTEGER NOT NULL,
    refresh_token     BLOB NOT NULL,
    refresh_holder    TEXT,
    refresh_until     INTEGER,
    connected_by      BLOB REFERENCES users (id) ON DELETE SET NULL,
    connected_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE mails (
    id            BLOB PRIMARY KEY,
    -- About whose; none: the platform's.
    tenant_id     BLOB REFERENCES tenants (id) ON DELETE CASCADE,
    kind          TEXT NOT NULL CHECK (kind IN ('invitation', 'reconnect', 'held')),
    recipient     TEXT NOT NULL,
    title         TEXT NOT NULL,
    -- Sealed: it may hold a link that opens something.
    body          BLOB NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    attempts      INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    claimed_until INTEGER,
    error         TEXT,
    created_at    INTEGER NOT NULL,
    sent_at       INTEGER
) STRICT;
CREATE INDEX mails_due ON mails (due_at) WHERE state = 'due';
CREATE INDEX mails_by_time ON mails (created_at, id);
