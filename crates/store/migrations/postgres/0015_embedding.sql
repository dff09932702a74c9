-- Tokens of links that open a screen inside another product. They are many, good for hours, and in nobody's list.
ALTER TABLE tokens ADD COLUMN embedded boolean NOT NULL DEFAULT FALSE;
-- The token with which whoever made the link proved to be somebody: it ends what was made with it.
ALTER TABLE tokens ADD COLUMN made_with uuid;

CREATE INDEX tokens_by_maker ON tokens (made_with) WHERE made_with IS NOT NULL;
CREATE INDEX tokens_embedded ON tokens (expires_at) WHERE embedded;
