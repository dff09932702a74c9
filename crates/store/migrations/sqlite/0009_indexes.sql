-- The audit log by whom, of which kind, about what: each the latest first.
CREATE INDEX audit_by_actor ON audit (tenant_id, actor, at, id);
CREATE INDEX audit_by_action ON audit (tenant_id, action, at, id);
CREATE INDEX audit_by_object ON audit (tenant_id, object, at, id);

-- The few runs that are open, of the many that ever were: each run that begins looks for them.
CREATE INDEX runs_open ON runs (tenant_id, link_id) WHERE state = 'running';
