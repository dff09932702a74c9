-- What people sign in with and are let in by (sessions, invitations, OAuth states), and the chain of the audit log.

CREATE TABLE sessions (
    -- SHA-256 of what the browser holds, which nobody keeps.
    hash         BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    address      TEXT,
    agent        TEXT
) STRICT;

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE invitations (
    id          BLOB PRIMARY KEY,
    hash        BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- In lower case.
    email       TEXT NOT NULL,
    tenant_name TEXT NOT NULL,
    slug        TEXT NOT NULL,
    plan_code   TEXT REFERENCES plans (code),
    -- Codes of features, each with whether the tenant is to have it.
    features    TEXT NOT NULL,
    invited_by  BLOB REFERENCES users (id) ON DELETE SET NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    accepted_at INTEGER,
    tenant_id   BLOB REFERENCES tenants (id) ON DELETE SET NULL,
    revoked_at  INTEGER,
    CHECK (accepted_at IS NULL OR revoked_at IS NULL)
) STRICT;

CREATE INDEX invitations_by_time ON invitations (created_at, id);

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

-- The audit log becomes a chain for each tenant. The platform's own chain is that of the nil tenant, which is none: so the
-- log refers to no table. What is in it already stays before the chain, without a place in it.
CREATE TABLE audit_chain (
    tenant_id BLOB NOT NULL,
    id        BLOB NOT NULL,
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    object    TEXT NOT NULL,
    detail    TEXT NOT NULL,
    seq       INTEGER CHECK (seq > 0),
    hash      BLOB CHECK (length(hash) = 32),
    address   TEXT,
    cause     TEXT,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, seq),
    CHECK ((seq IS NULL) = (hash IS NULL))
) STRICT;

INSERT INTO audit_chain (tenant_id, id, at, actor, action, object, detail)
SELECT tenant_id, id, at, actor, action, object, detail FROM audit;
DROP TABLE audit;
ALTER TABLE audit_chain RENAME TO audit;

CREATE INDEX audit_by_time ON audit (tenant_id, at, id);
CREATE INDEX audit_everywhere ON audit (at, id);

CREATE TABLE audit_heads (
    tenant_id BLOB PRIMARY KEY,
    -- The place and the hash of the last entry; 0 and zeros before the first.
    seq       INTEGER NOT NULL,
    hash      BLOB NOT NULL CHECK (length(hash) = 32),
    -- How many entries were there before the chain.
    unchained INTEGER NOT NULL
) STRICT;

INSERT INTO audit_heads (tenant_id, seq, hash, unchained)
SELECT tenant_id, 0, zeroblob(32), count(*) FROM audit GROUP BY tenant_id;
