-- Of all tenants, and behind their walls nothing could be changed.
ALTER TABLE remote_calendars NO FORCE ROW LEVEL SECURITY;
UPDATE remote_calendars SET access = 'read_only' WHERE access = 'free_busy';
ALTER TABLE remote_calendars FORCE ROW LEVEL SECURITY;
ALTER TABLE remote_calendars
    DROP CONSTRAINT remote_calendars_access_check,
    ADD CONSTRAINT remote_calendars_access_check CHECK (access IN ('read_write', 'read_only'));
ALTER TABLE connections DROP COLUMN retry_reason, DROP COLUMN spent_until;
DROP TABLE listing_parts;
ALTER TABLE links DROP COLUMN listing_at, DROP COLUMN listing_count, DROP COLUMN listing_page;
