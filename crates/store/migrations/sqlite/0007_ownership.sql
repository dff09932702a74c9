-- Whose an account is: the user who connected it, for staff who look after their own. None: the tenant's.
ALTER TABLE connections ADD COLUMN owner_id BLOB;

-- Between when new events come in through a link that was asked for no more than that. None: everything.
ALTER TABLE links ADD COLUMN import_from INTEGER;
ALTER TABLE links ADD COLUMN import_to INTEGER;
