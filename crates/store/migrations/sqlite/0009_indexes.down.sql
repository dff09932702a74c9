DROP INDEX runs_open;
DROP INDEX audit_by_object;
DROP INDEX audit_by_action;
DROP INDEX audit_by_actor;
