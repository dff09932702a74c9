-- What bounds the first import of a link, what lies outside of it; and accounts that are leaving.

-- Days such as 2026-01-31 in the zone of the link's calendar, both inclusive.
ALTER TABLE links ADD COLUMN first_day text;
ALTER TABLE links ADD COLUMN last_day text;
-- A link of an account that is leaving only takes away what Kalends wrote there.
ALTER TABLE links ADD COLUMN leaving boolean NOT NULL DEFAULT FALSE;

-- Since when the account is leaving, and what it was called before; its name is free from then on.
ALTER TABLE connections ADD COLUMN leaving_since timestamptz;
ALTER TABLE connections ADD COLUMN left_name text;

-- Of what was left outside the bounds: its content in short, and what it is found by. Null for what could not be handled.
ALTER TABLE skips ADD COLUMN fingerprint text;
ALTER TABLE skips ADD COLUMN uid_key text;

CREATE INDEX skips_outside ON skips (tenant_id, link_id, uid_key) WHERE uid_key IS NOT NULL;

-- Whoever is leaving may come again before it is over.
DROP INDEX connections_by_subject;
CREATE UNIQUE INDEX connections_by_subject ON connections (tenant_id, provider, subject)
    WHERE subject IS NOT NULL AND leaving_since IS NULL;
