-- What came of writes that were sent with a key, so that one that is sent again is not carried out again.
CREATE TABLE answers (
    -- The nil tenant, which is none, for what is asked in no tenant: so this refers to no table.
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key        text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- SHA-256 of the request.
    request    bytea NOT NULL CHECK (length(request) = 32),
    -- As what the user stood in the tenant when they asked.
    role       text CHECK (role IN ('owner', 'manager', 'staff', 'customer')),
    state      text NOT NULL CHECK (state IN ('running', 'answered', 'withheld')),
    status     bigint,
    kind       text,
    tag        text,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key),
    CHECK ((state = 'running') = (status IS NULL))
);

CREATE INDEX answers_by_expiry ON answers (expires_at);

-- The second wall. Sweeping crosses tenants.
ALTER TABLE answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE answers FORCE ROW LEVEL SECURITY;
CREATE POLICY answers_tenant ON answers
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
CREATE POLICY answers_platform ON answers
    USING (current_setting('kalends.scope', true) = 'platform');
