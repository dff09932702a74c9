-- Tenants, their keys, and the audit log.

CREATE TABLE tenants (
    id         uuid PRIMARY KEY,
    slug       text NOT NULL UNIQUE,
    name       text NOT NULL,
    -- The last position given out in the change feed. Its row is also the lock of whoever writes events.
    feed_seq   bigint NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE tenant_keys (
    tenant_id     uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    master_key_id text NOT NULL,
    wrapped       bytea NOT NULL,
    wrapped_at    timestamptz NOT NULL
);

CREATE TABLE audit (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id        uuid NOT NULL,
    at        timestamptz NOT NULL,
    actor     text NOT NULL,
    action    text NOT NULL,
    object    text NOT NULL,
    detail    jsonb NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX audit_by_time ON audit (tenant_id, at, id);

-- The second wall: a transaction sees the rows of the tenant that it names, and none if it names none. FORCE, because
-- Kalends connects as the owner of its tables.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenants_tenant ON tenants
    USING (id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE tenant_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_keys_tenant ON tenant_keys
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_tenant ON audit
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
-- Finding tenants crosses tenants.
CREATE POLICY tenants_platform_select ON tenants FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
