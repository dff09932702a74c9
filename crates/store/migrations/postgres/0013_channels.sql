-- Channels: how a provider says by itself that a calendar changed. Several of one link while one takes the place of another.

CREATE TABLE channels (
    tenant_id      uuid NOT NULL,
    -- The name it has at a provider where names are ours to give.
    id             uuid NOT NULL,
    -- Not a reference: it is closed at the provider when its link is gone already.
    link_id        uuid NOT NULL,
    connection_id  uuid NOT NULL,
    provider       text NOT NULL,
    state          text NOT NULL CHECK (state IN ('opening', 'open', 'closing')),
    -- What a call is known by: the SHA-256 of the key in its address, and of the secret that it shows.
    key_hash       bytea CHECK (length(key_hash) = 32),
    token_hash     bytea CHECK (length(token_hash) = 32),
    provider_id    text,
    -- When the provider was asked for it. It is asked once: what comes of an answer that is lost is not known.
    asked_at       timestamptz,
    opened_at      timestamptz,
    expires_at     timestamptz,
    due_at         timestamptz NOT NULL,
    claimed_until  timestamptz,
    fence          bigint NOT NULL,
    failures       bigint NOT NULL,
    last_error     text,
    last_signal_at timestamptz,
    signals        bigint NOT NULL,
    created_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, connection_id) REFERENCES connections (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX channels_by_link ON channels (tenant_id, link_id);
CREATE INDEX channels_by_connection ON channels (tenant_id, connection_id);
CREATE INDEX channels_by_key ON channels (key_hash) WHERE key_hash IS NOT NULL;
CREATE INDEX channels_due ON channels (due_at);
-- Of two nodes that both find that a link is to have one, one makes it.
CREATE UNIQUE INDEX channels_opening ON channels (tenant_id, link_id) WHERE state = 'opening';

ALTER TABLE channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE channels FORCE ROW LEVEL SECURITY;
CREATE POLICY channels_tenant ON channels
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
-- Claiming crosses tenants, and whose channel a call is about is not known before it is found.
CREATE POLICY channels_platform_select ON channels FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
CREATE POLICY channels_platform_update ON channels FOR UPDATE
    USING (current_setting('kalends.scope', true) = 'platform');
CREATE POLICY channels_platform_delete ON channels FOR DELETE
    USING (current_setting('kalends.scope', true) = 'platform');
