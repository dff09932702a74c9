DROP TABLE audit;
DROP TABLE tenant_keys;
DROP TABLE tenants;
