-- What came of writes that were sent with a key, so that one that is sent again is not carried out again.
CREATE TABLE answers (
    -- The nil tenant, which is none, for what is asked in no tenant: so this refers to no table.
    tenant_id  BLOB NOT NULL,
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key        TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    -- SHA-256 of the request.
    request    BLOB NOT NULL CHECK (length(request) = 32),
    -- As what the user stood in the tenant when they asked.
    role       TEXT CHECK (role IN ('owner', 'manager', 'staff', 'customer')),
    state      TEXT NOT NULL CHECK (state IN ('running', 'answered', 'withheld')),
    status     INTEGER,
    kind       TEXT,
    tag        TEXT,
    body       BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id, key),
    CHECK ((state = 'running') = (status IS NULL))
) STRICT;

CREATE INDEX answers_by_expiry ON answers (expires_at);
