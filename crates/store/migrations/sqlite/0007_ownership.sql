-- Whose an account is: the user who connected it, for staff who look after their own. None: the tenant's.
ALTER TABLE connections ADD COLUMN owner_id BLOB;
