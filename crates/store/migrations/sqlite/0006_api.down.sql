DROP TABLE oauth_states;
DROP TABLE invitations;
DROP TABLE sessions;
DROP TABLE audit_heads;
-- The log was of tenants only.
CREATE TABLE audit_before (
    tenant_id BLOB NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id        BLOB NOT NULL,
    at        INTEGER NOT NULL,
    actor     TEXT NOT NULL,
    action    TEXT NOT NULL,
    object    TEXT NOT NULL,
    detail    TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
INSERT INTO audit_before (tenant_id, id, at, actor, action, object, detail)
SELECT tenant_id, id, at, actor, action, object, detail FROM audit
WHERE tenant_id IN (SELECT id FROM tenants);
DROP TABLE audit;
ALTER TABLE audit_before RENAME TO audit;
CREATE INDEX audit_by_time ON audit (tenant_id, at, id);
