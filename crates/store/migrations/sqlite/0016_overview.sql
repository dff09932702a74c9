-- Of what platform admins may count across tenants. There are no walls between rows here.
SELECT 1;
