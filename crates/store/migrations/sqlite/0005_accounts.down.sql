DROP TABLE tokens;
DROP TABLE members;
DROP TABLE users;
DROP TABLE tenant_features;
ALTER TABLE tenants DROP COLUMN plan_code;
DROP TABLE plan_quotas;
DROP TABLE plan_permissions;
DROP TABLE plans;
DROP TABLE features;
