-- What tenants may do (features, plans, overrides), and who may do it for them (users, members, tokens).

-- Features and plans are one and the same for all tenants.
CREATE TABLE features (
    code TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;

INSERT INTO features (code, name) VALUES
    ('can_use_calendar_sync', 'Calendar Sync'),
    ('can_use_webhooks', 'Webhooks'),
    ('can_use_sms_reminders', 'SMS Reminders'),
    ('can_create_plugins', 'Custom Plugins');

CREATE TABLE plans (
    code       TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE plan_permissions (
    plan_code    TEXT NOT NULL REFERENCES plans (code) ON DELETE CASCADE,
    feature_code TEXT NOT NULL REFERENCES features (code),
    enabled      INTEGER NOT NULL,
    PRIMARY KEY (plan_code, feature_code)
) STRICT;

CREATE TABLE plan_quotas (
    plan_code TEXT NOT NULL REFERENCES plans (code) ON DELETE CASCADE,
    name      TEXT NOT NULL CHECK (name IN ('connections', 'links', 'calendars')),
    quota     INTEGER NOT NULL CHECK (quota >= 0),
    PRIMARY KEY (plan_code, name)
) STRICT;

ALTER TABLE tenants ADD COLUMN plan_code TEXT REFERENCES plans (code);

CREATE TABLE tenant_features (
    tenant_id    BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    feature_code TEXT NOT NULL REFERENCES features (code),
    enabled      INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, feature_code)
) STRICT;

-- Whoever was in step before there were features stays so.
INSERT INTO tenant_features (tenant_id, feature_code, enabled, at)
SELECT id, 'can_use_calendar_sync', TRUE, created_at FROM tenants;

CREATE TABLE users (
    id             BLOB PRIMARY KEY,
    -- In lower case.
    email          TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    password_hash  TEXT,
    platform_admin INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    disabled_at    INTEGER
) STRICT;

CREATE TABLE members (
    tenant_id  BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'staff', 'customer')),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) STRICT;

CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE tokens (
    id           BLOB PRIMARY KEY,
    -- SHA-256 of the token, which nobody keeps.
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix       TEXT NOT NULL,
    name         TEXT NOT NULL,
    user_id      BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant_id    BLOB REFERENCES tenants (id) ON DELETE CASCADE,
    -- At most this role, whatever the member's own is.
    role         TEXT CHECK (role IN ('owner', 'manager', 'staff', 'customer')),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;

CREATE INDEX tokens_by_user ON tokens (user_id);
