-- What tenants may do (features, plans, overrides), and who may do it for them (users, members, tokens).

-- Features and plans are one and the same for all tenants.
CREATE TABLE features (
    code text PRIMARY KEY,
    name text NOT NULL
);

INSERT INTO features (code, name) VALUES
    ('can_use_calendar_sync', 'Calendar Sync'),
    ('can_use_webhooks', 'Webhooks'),
    ('can_use_sms_reminders', 'SMS Reminders'),
    ('can_create_plugins', 'Custom Plugins');

CREATE TABLE plans (
    code       text PRIMARY KEY,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE plan_permissions (
    plan_code    text NOT NULL REFERENCES plans (code) ON DELETE CASCADE,
    feature_code text NOT NULL REFERENCES features (code),
    enabled      boolean NOT NULL,
    PRIMARY KEY (plan_code, feature_code)
);

CREATE TABLE plan_quotas (
    plan_code text NOT NULL REFERENCES plans (code) ON DELETE CASCADE,
    name      text NOT NULL CHECK (name IN ('connections', 'links', 'calendars')),
    quota     bigint NOT NULL CHECK (quota >= 0),
    PRIMARY KEY (plan_code, name)
);

ALTER TABLE tenants ADD COLUMN plan_code text REFERENCES plans (code);

CREATE TABLE tenant_features (
    tenant_id    uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    feature_code text NOT NULL REFERENCES features (code),
    enabled      boolean NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, feature_code)
);

-- Whoever was in step before there were features stays so.
INSERT INTO tenant_features (tenant_id, feature_code, enabled, at)
SELECT id, 'can_use_calendar_sync', TRUE, created_at FROM tenants;

CREATE TABLE users (
    id             uuid PRIMARY KEY,
    -- In lower case.
    email          text NOT NULL UNIQUE,
    name           text NOT NULL,
    password_hash  text,
    platform_admin boolean NOT NULL,
    created_at     timestamptz NOT NULL,
    disabled_at    timestamptz
);

CREATE TABLE members (
    tenant_id  uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'manager', 'staff', 'customer')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);

CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE tokens (
    id           uuid PRIMARY KEY,
    -- SHA-256 of the token, which nobody keeps.
    hash         bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix       text NOT NULL,
    name         text NOT NULL,
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant_id    uuid REFERENCES tenants (id) ON DELETE CASCADE,
    -- At most this role, whatever the member's own is.
    role         text CHECK (role IN ('owner', 'manager', 'staff', 'customer')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

CREATE INDEX tokens_by_user ON tokens (user_id);

-- The second wall. What tenants may do they may read; only the platform writes it.
ALTER TABLE features ENABLE ROW LEVEL SECURITY;
ALTER TABLE features FORCE ROW LEVEL SECURITY;
CREATE POLICY features_read ON features FOR SELECT
    USING (TRUE);
CREATE POLICY features_platform ON features
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE plans ENABLE ROW LEVEL SECURITY;
ALTER TABLE plans FORCE ROW LEVEL SECURITY;
CREATE POLICY plans_read ON plans FOR SELECT
    USING (TRUE);
CREATE POLICY plans_platform ON plans
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE plan_permissions ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_permissions FORCE ROW LEVEL SECURITY;
CREATE POLICY plan_permissions_read ON plan_permissions FOR SELECT
    USING (TRUE);
CREATE POLICY plan_permissions_platform ON plan_permissions
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE plan_quotas ENABLE ROW LEVEL SECURITY;
ALTER TABLE plan_quotas FORCE ROW LEVEL SECURITY;
CREATE POLICY plan_quotas_read ON plan_quotas FOR SELECT
    USING (TRUE);
CREATE POLICY plan_quotas_platform ON plan_quotas
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE tenant_features ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_features FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_features_tenant ON tenant_features FOR SELECT
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY tenant_features_platform ON tenant_features
    USING (current_setting('kalends.scope', true) = 'platform');
CREATE POLICY tenants_platform_update ON tenants FOR UPDATE
    USING (current_setting('kalends.scope', true) = 'platform');
-- A user may be a member of several tenants: finding them crosses tenants.
ALTER TABLE members ENABLE ROW LEVEL SECURITY;
ALTER TABLE members FORCE ROW LEVEL SECURITY;
CREATE POLICY members_tenant ON members
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY members_platform ON members
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY users_platform ON users
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY tokens_platform ON tokens
    USING (current_setting('kalends.scope', true) = 'platform');
