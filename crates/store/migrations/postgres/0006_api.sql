-- What people sign in with and are let in by (sessions, invitations, OAuth states), and the chain of the audit log.

CREATE TABLE sessions (
    -- SHA-256 of what the browser holds, which nobody keeps.
    hash         bytea PRIMARY KEY CHECK (length(hash) = 32),
    user_id      uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    address      text,
    agent        text
);

CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE invitations (
    id          uuid PRIMARY KEY,
    hash        bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- In lower case.
    email       text NOT NULL,
    tenant_name text NOT NULL,
    slug        text NOT NULL,
    plan_code   text REFERENCES plans (code),
    -- Codes of features, each with whether the tenant is to have it.
    features    jsonb NOT NULL,
    invited_by  uuid REFERENCES users (id) ON DELETE SET NULL,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    tenant_id   uuid REFERENCES tenants (id) ON DELETE SET NULL,
    revoked_at  timestamptz,
    CHECK (accepted_at IS NULL OR revoked_at IS NULL)
);

CREATE INDEX invitations_by_time ON invitations (created_at, id);

CREATE TABLE oauth_states (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    provider   text NOT NULL,
    purpose    text NOT NULL,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    tenant_id  uuid REFERENCES tenants (id) ON DELETE CASCADE,
    -- Sealed.
    verifier   bytea NOT NULL,
    return_url text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX oauth_states_by_expiry ON oauth_states (expires_at);

-- The audit log becomes a chain for each tenant. The platform's own chain is that of the nil tenant, which is none: so the
-- log refers to no table. What is in it already stays before the chain, without a place in it.
ALTER TABLE audit DROP CONSTRAINT audit_tenant_id_fkey;
ALTER TABLE audit
    ADD COLUMN seq     bigint CHECK (seq > 0),
    ADD COLUMN hash    bytea CHECK (length(hash) = 32),
    ADD COLUMN address text,
    ADD COLUMN cause   text,
    ADD CONSTRAINT audit_chained UNIQUE (tenant_id, seq),
    ADD CHECK ((seq IS NULL) = (hash IS NULL));

CREATE INDEX audit_everywhere ON audit (at, id);

CREATE TABLE audit_heads (
    tenant_id uuid PRIMARY KEY,
    -- The place and the hash of the last entry; 0 and zeros before the first.
    seq       bigint NOT NULL,
    hash      bytea NOT NULL CHECK (length(hash) = 32),
    -- How many entries were there before the chain.
    unchained bigint NOT NULL
);

-- The second wall. Nobody changes or deletes what is in the audit log: there is no policy for it.
DROP POLICY audit_tenant ON audit;
CREATE POLICY audit_tenant_read ON audit FOR SELECT
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY audit_tenant_append ON audit FOR INSERT
    WITH CHECK (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY audit_platform_read ON audit FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
CREATE POLICY audit_platform_append ON audit FOR INSERT
    WITH CHECK (current_setting('kalends.scope', true) = 'platform'
        AND tenant_id = '00000000-0000-0000-0000-000000000000');

INSERT INTO audit_heads (tenant_id, seq, hash, unchained)
SELECT tenant_id, 0, decode(repeat('00', 32), 'hex'), count(*) FROM audit GROUP BY tenant_id;

ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY audit_heads_read ON audit_heads FOR SELECT
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY audit_heads_begin ON audit_heads FOR INSERT
    WITH CHECK (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY audit_heads_move ON audit_heads FOR UPDATE
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY audit_heads_platform_read ON audit_heads FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
CREATE POLICY audit_heads_platform_begin ON audit_heads FOR INSERT
    WITH CHECK (current_setting('kalends.scope', true) = 'platform'
        AND tenant_id = '00000000-0000-0000-0000-000000000000');
CREATE POLICY audit_heads_platform_move ON audit_heads FOR UPDATE
    USING (current_setting('kalends.scope', true) = 'platform'
        AND tenant_id = '00000000-0000-0000-0000-000000000000');
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY sessions_platform ON sessions
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY invitations_platform ON invitations
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE oauth_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_states FORCE ROW LEVEL SECURITY;
CREATE POLICY oauth_states_platform ON oauth_states
    USING (current_setting('kalends.scope', true) = 'platform');
