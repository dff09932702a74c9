-- Accounts at Google and Microsoft, the platform's own key and mailbox, and the mails that are owed.

ALTER TABLE connections
    DROP CONSTRAINT connections_provider_check,
    ADD CONSTRAINT connections_provider_check
        CHECK (provider IN ('caldav', 'ics', 'google', 'microsoft')),
    -- Who the account is at the provider: what stays when its address changes.
    ADD COLUMN subject           text,
    -- From when on the access token is good no more.
    ADD COLUMN access_expires_at timestamptz,
    -- One flight of refreshing for an account: who is at it, and until when others wait.
    ADD COLUMN refresh_holder    text,
    ADD COLUMN refresh_until     timestamptz,
    -- When its people were told that it must be connected again.
    ADD COLUMN told_at           timestamptz;
ALTER TABLE secrets
    DROP CONSTRAINT secrets_purpose_check,
    ADD CONSTRAINT secrets_purpose_check
        CHECK (purpose IN ('password', 'access_token', 'refresh_token'));
CREATE UNIQUE INDEX connections_by_subject ON connections (tenant_id, provider, subject)
    WHERE subject IS NOT NULL;
CREATE INDEX connections_of_subject ON connections (provider, subject) WHERE subject IS NOT NULL;
-- When its people were told of the deletions that it holds.
ALTER TABLE links ADD COLUMN held_told_at timestamptz;

DROP TABLE oauth_states;
CREATE TABLE oauth_states (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    provider   text NOT NULL,
    purpose    text NOT NULL,
    -- Nobody, where it is for signing in.
    user_id    uuid REFERENCES users (id) ON DELETE CASCADE,
    tenant_id  uuid REFERENCES tenants (id) ON DELETE CASCADE,
    -- Whether it began in a browser that was signed in, and has to end in one.
    browser    boolean NOT NULL,
    -- Sealed.
    verifier   bytea NOT NULL,
    return_url text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX oauth_states_by_expiry ON oauth_states (expires_at);

-- The data key of what belongs to no tenant.
CREATE TABLE platform_keys (
    id            bigint PRIMARY KEY CHECK (id = 1),
    master_key_id text NOT NULL,
    wrapped       bytea NOT NULL,
    wrapped_at    timestamptz NOT NULL
);

-- The mailbox from which notices are sent.
CREATE TABLE mailbox (
    id                bigint PRIMARY KEY CHECK (id = 1),
    provider          text NOT NULL CHECK (provider IN ('google', 'microsoft')),
    subject           text NOT NULL,
    email             text NOT NULL,
    state             text NOT NULL CHECK (state IN ('ok', 'reconnect_needed')),
    problem           text,
    -- Sealed.
    access_token      bytea NOT NULL,
    access_expires_at timestamptz NOT NULL,
    refresh_token     bytea NOT NULL,
    refresh_holder    text,
    refresh_until     timestamptz,
    connected_by      uuid REFERENCES users (id) ON DELETE SET NULL,
    connected_at      timestamptz NOT NULL
);

CREATE TABLE mails (
    id            uuid PRIMARY KEY,
    -- About whose; none: the platform's.
    tenant_id     uuid REFERENCES tenants (id) ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('invitation', 'reconnect', 'held')),
    recipient     text NOT NULL,
    title         text NOT NULL,
    -- Sealed: it may hold a link that opens something.
    body          bytea NOT NULL,
    state         text NOT NULL CHECK (state IN ('due', 'sent', 'failed')),
    attempts      bigint NOT NULL,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    error         text,
    created_at    timestamptz NOT NULL,
    sent_at       timestamptz
);
CREATE INDEX mails_due ON mails (due_at) WHERE state = 'due';
CREATE INDEX mails_by_time ON mails (created_at, id);

-- The second wall: all of these are of no tenant.
ALTER TABLE oauth_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_states FORCE ROW LEVEL SECURITY;
CREATE POLICY oauth_states_platform ON oauth_states
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE platform_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE platform_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_keys_platform ON platform_keys
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE mailbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE mailbox FORCE ROW LEVEL SECURITY;
CREATE POLICY mailbox_platform ON mailbox
    USING (current_setting('kalends.scope', true) = 'platform');
ALTER TABLE mails ENABLE ROW LEVEL SECURITY;
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
CREATE POLICY mails_platform ON mails
    USING (current_setting('kalends.scope', true) = 'platform');
-- Looking for people to be told looks at what is held by the links of all tenants.
CREATE POLICY held_deletions_platform_select ON held_deletions FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
