-- What a long listing, and the limits of providers, need to be remembered by all nodes.

-- Where a listing of everything is that is under way: its next page, in the provider's own word, how many events it has
-- named so far, and when that was kept. It is of the generation that the link has now.
ALTER TABLE links ADD COLUMN listing_page TEXT;
ALTER TABLE links ADD COLUMN listing_count INTEGER;
ALTER TABLE links ADD COLUMN listing_at INTEGER;

-- Parts of series that such a listing named on one page or another; they are put together when it is whole.
CREATE TABLE listing_parts (
    tenant_id  BLOB NOT NULL,
    link_id    BLOB NOT NULL,
    series     TEXT NOT NULL,
    id         TEXT NOT NULL,
    -- Of which listing, by its number.
    generation INTEGER NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (tenant_id, link_id, series, id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE
) STRICT;

-- Until when the requests that nodes have taken from the account's budget last, at the pace that its provider allows.
ALTER TABLE connections ADD COLUMN spent_until INTEGER;
-- Why it is left alone until retry_at: its provider asked for it, or the budget is used up.
ALTER TABLE connections ADD COLUMN retry_reason TEXT CHECK (retry_reason IN ('asked', 'budget'));

-- A calendar of which the account sees only when it is taken. A CHECK is part of a table's text: see 0010.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(sql, '(''read_write'', ''read_only'')', '(''read_write'', ''read_only'', ''free_busy'')')
WHERE type = 'table' AND name = 'remote_calendars';
PRAGMA writable_schema = RESET;
