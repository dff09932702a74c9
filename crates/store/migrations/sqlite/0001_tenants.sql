-- Tenants, their keys, and the audit log.

CREATE TABLE tenants (
    id         BLOB PRIMARY KEY,
    slug       TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    -- The last position given out in the change feed. Its row is also the lock of whoever writes events.
    feed_seq   INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tenant_keys (
    tenant_id     BLOB PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
    master_key_id TEXT NOT NULL,
    wrapped       BLOB NOT NULL,
    wrapped_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id        BLOB NOT NULL,
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    object    TEXT NOT NULL,
    detail    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX audit_by_time ON audit (tenant_id, at, id);
