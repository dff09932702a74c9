UPDATE remote_calendars SET access = 'read_only' WHERE access = 'free_busy';
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''read_write'', ''read_only'', ''free_busy'')', '(''read_write'', ''read_only'')')
WHERE type = 'table' AND name = 'remote_calendars';
PRAGMA writable_schema = RESET;
ALTER TABLE connections DROP COLUMN retry_reason;
ALTER TABLE connections DROP COLUMN spent_until;
DROP TABLE listing_parts;
ALTER TABLE links DROP COLUMN listing_at;
ALTER TABLE links DROP COLUMN listing_count;
ALTER TABLE links DROP COLUMN listing_page;
