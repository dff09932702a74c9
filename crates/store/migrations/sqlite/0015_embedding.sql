-- Tokens of links that open a screen inside another product. They are many, good for hours, and in nobody's list.
ALTER TABLE tokens ADD COLUMN embedded INTEGER NOT NULL DEFAULT 0 CHECK (embedded IN (0, 1));
-- The token with which whoever made the link proved to be somebody: it ends what was made with it.
ALTER TABLE tokens ADD COLUMN made_with BLOB;

CREATE INDEX tokens_by_maker ON tokens (made_with) WHERE made_with IS NOT NULL;
CREATE INDEX tokens_embedded ON tokens (expires_at) WHERE embedded;
