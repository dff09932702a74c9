-- Links, and all that hangs on one.

CREATE TABLE links (
    tenant_id                 BLOB NOT NULL,
    id                        BLOB NOT NULL,
    calendar_id               BLOB NOT NULL,
    connection_id             BLOB NOT NULL,
    remote_calendar_id        TEXT NOT NULL,
    direction                 TEXT NOT NULL CHECK (direction IN ('two_way', 'pull', 'push')),
    detail                    TEXT NOT NULL CHECK (detail IN ('full', 'busy')),
    conflict_policy           TEXT NOT NULL CHECK (conflict_policy IN ('newest', 'remote', 'local', 'ask')),
    state                     TEXT NOT NULL CHECK (state IN ('active', 'paused')),
    cursor                    TEXT,
    generation                INTEGER NOT NULL,
    live                      INTEGER NOT NULL,
    due_at                    INTEGER,
    due_reason                TEXT NOT NULL
        CHECK (due_reason IN ('new', 'edit', 'signal', 'schedule', 'retry', 'user')),
    -- A lease is there as long as lease_until is; the fence tells it from the leases before.
    holder                    TEXT,
    lease_until               INTEGER,
    fence                     INTEGER NOT NULL,
    failures                  INTEGER NOT NULL,
    last_success_at           INTEGER,
    last_full_at              INTEGER,
    last_error                TEXT,
    created_at                INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, calendar_id, connection_id, remote_calendar_id),
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id),
    CHECK ((holder IS NULL) = (lease_until IS NULL))
) STRICT;

CREATE INDEX links_by_connection ON links (tenant_id, connection_id);
CREATE INDEX links_due ON links (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX links_leased ON links (lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE mirrors (
    tenant_id  BLOB NOT NULL,
    link_id    BLOB NOT NULL,
    event_id   BLOB NOT NULL,
    remote_id  TEXT NOT NULL,
    version    TEXT,
    origin     TEXT NOT NULL CHECK (origin IN ('remote', 'kalends')),
    -- The last full listing that saw it, by its number.
    generation INTEGER NOT NULL,
    raw        TEXT NOT NULL,
    PRIMARY KEY (tenant_id, link_id, event_id),
    UNIQUE (tenant_id, link_id, remote_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE intents (
    tenant_id BLOB NOT NULL,
    link_id   BLOB NOT NULL,
    event_id  BLOB NOT NULL,
    -- A position of the change feed, so that no stamp is ever given twice.
    stamp     INTEGER NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    due_at    INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    name      TEXT,
    -- The revision of the event that was last sent; what is found afterwards is compared with it.
    sent_revision INTEGER,
    error     TEXT,
    reason    TEXT NOT NULL,
    run_id    BLOB,
    PRIMARY KEY (tenant_id, link_id, event_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX intents_by_stamp ON intents (tenant_id, link_id, stamp);

CREATE TABLE skips (
    tenant_id  BLOB NOT NULL,
    link_id    BLOB NOT NULL,
    remote_id  TEXT NOT NULL,
    version    TEXT,
    error      TEXT NOT NULL,
    generation INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, link_id, remote_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE held_deletions (
    tenant_id BLOB NOT NULL,
    link_id   BLOB NOT NULL,
    event_id  BLOB NOT NULL,
    remote_id TEXT NOT NULL,
    held_at   INTEGER NOT NULL,
    confirmed INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, link_id, event_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- From here on: records that outlive their link.

CREATE TABLE conflicts (
    tenant_id   BLOB NOT NULL,
    id          BLOB NOT NULL,
    link_id     BLOB NOT NULL,
    event_id    BLOB NOT NULL,
    field       TEXT NOT NULL,
    base        TEXT NOT NULL,
    local       TEXT NOT NULL,
    remote      TEXT NOT NULL,
    winner      TEXT NOT NULL CHECK (winner IN ('local', 'remote', 'undecided')),
    state       TEXT NOT NULL CHECK (state IN ('open', 'decided', 'resolved')),
    run_id      BLOB NOT NULL,
    at          INTEGER NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX conflicts_by_time ON conflicts (tenant_id, at, id);
CREATE UNIQUE INDEX conflicts_open ON conflicts (tenant_id, link_id, event_id, field) WHERE state = 'open';

CREATE TABLE runs (
    tenant_id   BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id          BLOB NOT NULL,
    link_id     BLOB NOT NULL,
    reason      TEXT NOT NULL,
    holder      TEXT NOT NULL,
    cursor      TEXT,
    state       TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,
    counts      TEXT,
    error       TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX runs_by_link ON runs (tenant_id, link_id, started_at, id);

CREATE TABLE remote_writes (
    tenant_id BLOB NOT NULL,
    link_id   BLOB NOT NULL,
    event_id  BLOB NOT NULL,
    stamp     INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    run_id    BLOB NOT NULL,
    at        INTEGER NOT NULL,
    op        TEXT NOT NULL CHECK (op IN ('create', 'update', 'delete')),
    fields    TEXT NOT NULL,
    reason    TEXT NOT NULL,
    outcome   TEXT NOT NULL CHECK (outcome IN ('sent', 'done', 'retry', 'failed', 'replan')),
    remote_id TEXT,
    error     TEXT,
    PRIMARY KEY (tenant_id, link_id, event_id, stamp, attempt),
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX remote_writes_by_event ON remote_writes (tenant_id, event_id, at);
