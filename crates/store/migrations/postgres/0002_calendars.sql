-- Connections with their secrets, what is seen through them, calendars, and events with their history.

CREATE TABLE connections (
    tenant_id  uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id         uuid NOT NULL,
    provider   text NOT NULL CHECK (provider IN ('caldav', 'ics')),
    name       text NOT NULL,
    url        text NOT NULL,
    user_name  text NOT NULL,
    me         jsonb NOT NULL,
    state      text NOT NULL CHECK (state IN ('ok', 'reconnect_needed')),
    problem    text,
    retry_at   timestamptz,
    settings   jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE secrets (
    tenant_id     uuid NOT NULL,
    connection_id uuid NOT NULL,
    purpose       text NOT NULL CHECK (purpose IN ('password')),
    sealed        bytea NOT NULL,
    sealed_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, purpose),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE remote_calendars (
    tenant_id     uuid NOT NULL,
    connection_id uuid NOT NULL,
    id            text NOT NULL,
    name          text NOT NULL,
    color         text,
    access        text NOT NULL CHECK (access IN ('read_write', 'read_only')),
    seen_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, connection_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE calendars (
    tenant_id  uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id         uuid NOT NULL,
    name       text NOT NULL,
    color      text,
    time_zone  text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

-- The present state of each event but for its content, which is in its latest version.
CREATE TABLE events (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    calendar_id uuid NOT NULL,
    uid         text NOT NULL,
    -- Its first characters: what it is found by. An index takes no value of any length, and a UID has no limit.
    uid_key     text NOT NULL,
    revision    bigint NOT NULL CHECK (revision >= 1),
    deleted     boolean NOT NULL,
    title       text NOT NULL,
    -- The first start and the last end of all its occurrences; no end: it never ends.
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX events_by_start ON events (tenant_id, starts_at, id) WHERE NOT deleted;
CREATE INDEX events_by_uid ON events (tenant_id, calendar_id, uid_key);

-- Every version of every event: the history, and read by seq the change feed.
CREATE TABLE event_versions (
    tenant_id   uuid NOT NULL,
    event_id    uuid NOT NULL,
    revision    bigint NOT NULL,
    calendar_id uuid NOT NULL,
    seq         bigint NOT NULL,
    deleted     boolean NOT NULL,
    at          timestamptz NOT NULL,
    cause       jsonb NOT NULL,
    body        jsonb,
    PRIMARY KEY (tenant_id, event_id, revision),
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE,
    CHECK (deleted = (body IS NULL))
);

CREATE UNIQUE INDEX event_versions_by_seq ON event_versions (tenant_id, seq);

-- The second wall: a transaction sees the rows of the tenant that it names, and none if it names none. FORCE, because
-- Kalends connects as the owner of its tables.
ALTER TABLE connections ENABLE ROW LEVEL SECURITY;
ALTER TABLE connections FORCE ROW LEVEL SECURITY;
CREATE POLICY connections_tenant ON connections
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY secrets_tenant ON secrets
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE remote_calendars ENABLE ROW LEVEL SECURITY;
ALTER TABLE remote_calendars FORCE ROW LEVEL SECURITY;
CREATE POLICY remote_calendars_tenant ON remote_calendars
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE calendars ENABLE ROW LEVEL SECURITY;
ALTER TABLE calendars FORCE ROW LEVEL SECURITY;
CREATE POLICY calendars_tenant ON calendars
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY events_tenant ON events
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE event_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY event_versions_tenant ON event_versions
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
-- Claiming due links looks at the connections of all tenants.
CREATE POLICY connections_platform_select ON connections FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
