-- Links, and all that hangs on one.

CREATE TABLE links (
    tenant_id                 uuid NOT NULL,
    id                        uuid NOT NULL,
    calendar_id               uuid NOT NULL,
    connection_id             uuid NOT NULL,
    remote_calendar_id        text NOT NULL,
    direction                 text NOT NULL CHECK (direction IN ('two_way', 'pull', 'push')),
    detail                    text NOT NULL CHECK (detail IN ('full', 'busy')),
    conflict_policy           text NOT NULL CHECK (conflict_policy IN ('newest', 'remote', 'local', 'ask')),
    state                     text NOT NULL CHECK (state IN ('active', 'paused')),
    cursor                    text,
    generation                bigint NOT NULL,
    live                      boolean NOT NULL,
    due_at                    timestamptz,
    due_reason                text NOT NULL
        CHECK (due_reason IN ('new', 'edit', 'signal', 'schedule', 'retry', 'user')),
    -- A lease is there as long as lease_until is; the fence tells it from the leases before.
    holder                    text,
    lease_until               timestamptz,
    fence                     bigint NOT NULL,
    failures                  bigint NOT NULL,
    last_success_at           timestamptz,
    last_full_at              timestamptz,
    last_error                text,
    created_at                timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, calendar_id, connection_id, remote_calendar_id),
    FOREIGN KEY (tenant_id, calendar_id) REFERENCES calendars (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id),
    CHECK ((holder IS NULL) = (lease_until IS NULL))
);

CREATE INDEX links_by_connection ON links (tenant_id, connection_id);
CREATE INDEX links_due ON links (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX links_leased ON links (lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE mirrors (
    tenant_id  uuid NOT NULL,
    link_id    uuid NOT NULL,
    event_id   uuid NOT NULL,
    remote_id  text NOT NULL,
    version    text,
    origin     text NOT NULL CHECK (origin IN ('remote', 'kalends')),
    -- The last full listing that saw it, by its number.
    generation bigint NOT NULL,
    raw        text NOT NULL,
    PRIMARY KEY (tenant_id, link_id, event_id),
    UNIQUE (tenant_id, link_id, remote_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE intents (
    tenant_id uuid NOT NULL,
    link_id   uuid NOT NULL,
    event_id  uuid NOT NULL,
    -- A position of the change feed, so that no stamp is ever given twice.
    stamp     bigint NOT NULL,
    state     text NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    due_at    timestamptz NOT NULL,
    attempts  bigint NOT NULL,
    name      text,
    -- The revision of the event that was last sent; what is found afterwards is compared with it.
    sent_revision bigint,
    error     text,
    reason    text NOT NULL,
    run_id    uuid,
    PRIMARY KEY (tenant_id, link_id, event_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX intents_by_stamp ON intents (tenant_id, link_id, stamp);

CREATE TABLE skips (
    tenant_id  uuid NOT NULL,
    link_id    uuid NOT NULL,
    remote_id  text NOT NULL,
    version    text,
    error      text NOT NULL,
    generation bigint NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, link_id, remote_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE
);

CREATE TABLE held_deletions (
    tenant_id uuid NOT NULL,
    link_id   uuid NOT NULL,
    event_id  uuid NOT NULL,
    remote_id text NOT NULL,
    held_at   timestamptz NOT NULL,
    confirmed boolean NOT NULL,
    PRIMARY KEY (tenant_id, link_id, event_id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
);

-- From here on: records that outlive their link.

CREATE TABLE conflicts (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    link_id     uuid NOT NULL,
    event_id    uuid NOT NULL,
    field       text NOT NULL,
    base        jsonb NOT NULL,
    local       jsonb NOT NULL,
    remote      jsonb NOT NULL,
    winner      text NOT NULL CHECK (winner IN ('local', 'remote', 'undecided')),
    state       text NOT NULL CHECK (state IN ('open', 'decided', 'resolved')),
    run_id      uuid NOT NULL,
    at          timestamptz NOT NULL,
    resolved_at timestamptz,
    resolved_by text,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX conflicts_by_time ON conflicts (tenant_id, at, id);
CREATE UNIQUE INDEX conflicts_open ON conflicts (tenant_id, link_id, event_id, field) WHERE state = 'open';

CREATE TABLE runs (
    tenant_id   uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id          uuid NOT NULL,
    link_id     uuid NOT NULL,
    reason      text NOT NULL,
    holder      text NOT NULL,
    cursor      text,
    state       text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    counts      jsonb,
    error       text,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX runs_by_link ON runs (tenant_id, link_id, started_at, id);

CREATE TABLE remote_writes (
    tenant_id uuid NOT NULL,
    link_id   uuid NOT NULL,
    event_id  uuid NOT NULL,
    stamp     bigint NOT NULL,
    attempt   bigint NOT NULL,
    run_id    uuid NOT NULL,
    at        timestamptz NOT NULL,
    op        text NOT NULL CHECK (op IN ('create', 'update', 'delete')),
    fields    jsonb NOT NULL,
    reason    text NOT NULL,
    outcome   text NOT NULL CHECK (outcome IN ('sent', 'done', 'retry', 'failed', 'replan')),
    remote_id text,
    error     text,
    PRIMARY KEY (tenant_id, link_id, event_id, stamp, attempt),
    FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX remote_writes_by_event ON remote_writes (tenant_id, event_id, at);

-- The second wall: a transaction sees the rows of the tenant that it names, and none if it names none. FORCE, because
-- Kalends connects as the owner of its tables.
ALTER TABLE links ENABLE ROW LEVEL SECURITY;
ALTER TABLE links FORCE ROW LEVEL SECURITY;
CREATE POLICY links_tenant ON links
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE mirrors ENABLE ROW LEVEL SECURITY;
ALTER TABLE mirrors FORCE ROW LEVEL SECURITY;
CREATE POLICY mirrors_tenant ON mirrors
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE intents ENABLE ROW LEVEL SECURITY;
ALTER TABLE intents FORCE ROW LEVEL SECURITY;
CREATE POLICY intents_tenant ON intents
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE skips ENABLE ROW LEVEL SECURITY;
ALTER TABLE skips FORCE ROW LEVEL SECURITY;
CREATE POLICY skips_tenant ON skips
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE held_deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE held_deletions FORCE ROW LEVEL SECURITY;
CREATE POLICY held_deletions_tenant ON held_deletions
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE conflicts ENABLE ROW LEVEL SECURITY;
ALTER TABLE conflicts FORCE ROW LEVEL SECURITY;
CREATE POLICY conflicts_tenant ON conflicts
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE runs FORCE ROW LEVEL SECURITY;
CREATE POLICY runs_tenant ON runs
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE remote_writes ENABLE ROW LEVEL SECURITY;
ALTER TABLE remote_writes FORCE ROW LEVEL SECURITY;
CREATE POLICY remote_writes_tenant ON remote_writes
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
-- Claiming due links crosses tenants.
CREATE POLICY links_platform_select ON links FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
CREATE POLICY links_platform_update ON links FOR UPDATE
    USING (current_setting('kalends.scope', true) = 'platform');
