-- Connections with their secrets, what is seen through them, calendars, and events with their history.

CREATE TABLE connections (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id         BLOB NOT NULL,
    provider   TEXT NOT NULL CHECK (provider IN ('caldav', 'ics')),
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    user_name  TEXT NOT NULL,
    me         TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('ok', 'reconnect_needed')),
    problem    TEXT,
    retry_at   INTEGER,
    settings   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE secrets (
    tenant_id     BLOB NOT NULL,
    connection_id BLOB NOT NULL,
    purpose       TEXT NOT NULL CHECK (purpose IN ('password')),
    sealed        BLOB NOT NULL,
    sealed_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, purpose),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE remote_calendars (
    tenant_id     BLOB NOT NULL,
    connection_id BLOB NOT NULL,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    color         TEXT,
    access        TEXT NOT NULL CHECK (access IN ('read_write', 'read_only')),
    seen_at       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE calendars (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id         BLOB NOT NULL,
    name       TEXT NOT NULL,
    color      TEXT,
    time_zone  TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
) STRICT;

-- The present state of each event but for its content, which is in its latest version.
CREATE TABLE events (
    tenant_id   BLOB NOT NULL,
    id          BLOB NOT NULL,
    calendar_id BLOB NOT NULL,
    uid         TEXT NOT NULL,
    -- Its first characters: what it is found by. An index takes no value of any length, and a UID has no limit.
    uid_key     TEXT NOT NULL,
    revision    INTEGER NOT NULL CHECK (revision >= 1),
    deleted     INTEGER NOT NULL,
    title       TEXT NOT NULL,
    -- The first start and the last end of all its occurrences; no end: it never ends.
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX events_by_start ON events (tenant_id, starts_at, id) WHERE NOT deleted;
CREATE INDEX events_by_uid ON events (tenant_id, calendar_id, uid_key);

-- Every version of every event: the history, and read by seq the change feed.
CREATE TABLE event_versions (
    tenant_id   BLOB NOT NULL,
    event_id    BLOB NOT NULL,
    revision    INTEGER NOT NULL,
    calendar_id BLOB NOT NULL,
    seq         INTEGER NOT NULL,
    deleted     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    cause       TEXT NOT NULL,
    body        TEXT,
    PRIMARY KEY (tenant_id, event_id, revision),
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE,
    CHECK (deleted = (body IS NULL))
) STRICT;

CREATE UNIQUE INDEX event_versions_by_seq ON event_versions (tenant_id, seq);
