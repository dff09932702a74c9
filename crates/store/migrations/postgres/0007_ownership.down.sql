ALTER TABLE links DROP COLUMN import_to;
ALTER TABLE links DROP COLUMN import_from;
ALTER TABLE connections DROP COLUMN owner_id;
