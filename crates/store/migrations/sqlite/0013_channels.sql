-- Channels: how a provider says by itself that a calendar changed. Several of one link while one takes the place of another.

CREATE TABLE channels (
    tenant_id      BLOB NOT NULL,
    -- The name it has at a provider where names are ours to give.
    id             BLOB NOT NULL,
    -- Not a reference: it is closed at the provider when its link is gone already.
    link_id        BLOB NOT NULL,
    connection_id  BLOB NOT NULL,
    provider       TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('opening', 'open', 'closing')),
    -- What a call is known by: the SHA-256 of the key in its address, and of the secret that it shows.
    key_hash       BLOB CHECK (length(key_hash) = 32),
    token_hash     BLOB CHECK (length(token_hash) = 32),
    provider_id    TEXT,
    -- When the provider was asked for it. It is asked once: what comes of an answer that is lost is not known.
    asked_at       INTEGER,
    opened_at      INTEGER,
    expires_at     INTEGER,
    due_at         INTEGER NOT NULL,
    claimed_until  INTEGER,
    fence          INTEGER NOT NULL,
    failures       INTEGER NOT NULL,
    last_error     TEXT,
    last_signal_at INTEGER,
    signals        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX channels_by_link ON channels (tenant_id, link_id);
CREATE INDEX channels_by_connection ON channels (tenant_id, connection_id);
CREATE INDEX channels_by_key ON channels (key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX channels_due ON channels (due_at);
-- Of two nodes that both find that a link is to have one, one makes it.
CREATE UNIQUE INDEX channels_opening ON channels (tenant_id, link_id) WHERE state = 'opening';
