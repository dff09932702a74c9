-- What a long listing, and the limits of providers, need to be remembered by all nodes.

-- Where a listing of everything is that is under way: its next page, in the provider's own word, how many events it has
-- named so far, and when that was kept. It is of the generation that the link has now.
ALTER TABLE links ADD COLUMN listing_page text;
ALTER TABLE links ADD COLUMN listing_count bigint;
ALTER TABLE links ADD COLUMN listing_at timestamptz;

-- Parts of series that such a listing named on one page or another; they are put together when it is whole.
CREATE TABLE listing_parts (
    tenant_id  uuid NOT NULL,
    link_id    uuid NOT NULL,
    series     text NOT NULL,
    id         text NOT NULL,
    -- Of which listing, by its number.
    generation bigint NOT NULL,
    body       text NOT NULL,
    PRIMARY KEY (tenant_id, link_id, series, id),
    FOREIGN KEY (tenant_id, link_id) REFERENCES links (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE listing_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE listing_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY listing_parts_tenant ON listing_parts
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);

-- Until when the requests that nodes have taken from the account's budget last, at the pace that its provider allows.
ALTER TABLE connections ADD COLUMN spent_until timestamptz;
-- Why it is left alone until retry_at: its provider asked for it, or the budget is used up.
ALTER TABLE connections ADD COLUMN retry_reason text CHECK (retry_reason IN ('asked', 'budget'));

-- A calendar of which the account sees only when it is taken.
ALTER TABLE remote_calendars
    DROP CONSTRAINT remote_calendars_access_check,
    ADD CONSTRAINT remote_calendars_access_check
        CHECK (access IN ('read_write', 'read_only', 'free_busy'));
