-- As what somebody may come back from a consent page; grants that are to be taken back; mails of which nobody knows whether
-- they were sent.

-- As what they went there; none for the platform.
ALTER TABLE oauth_states ADD COLUMN role text CHECK (role IN ('owner', 'manager', 'staff', 'customer'));

-- Of accounts that are gone: what is left of them until their provider was told. Of the platform's mailbox the tenant is the
-- nil id, and there is no connection.
CREATE TABLE revocations (
    tenant_id     uuid NOT NULL,
    provider      text NOT NULL CHECK (provider IN ('google', 'microsoft')),
    subject       text NOT NULL,
    connection_id uuid,
    -- Sealed as it was with the account.
    refresh_token bytea NOT NULL,
    owed_since    timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    attempts      bigint NOT NULL,
    PRIMARY KEY (tenant_id, provider, subject)
);
CREATE INDEX revocations_due ON revocations (due_at);
ALTER TABLE revocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE revocations FORCE ROW LEVEL SECURITY;
CREATE POLICY revocations_tenant ON revocations
    USING (tenant_id = nullif(current_setting('kalends.tenant', true), '')::uuid);
-- Looking for what is owed crosses tenants, and the mailbox is of none.
CREATE POLICY revocations_platform ON revocations
    USING (current_setting('kalends.scope', true) = 'platform');

ALTER TABLE mails
    DROP CONSTRAINT mails_state_check,
    ADD CONSTRAINT mails_state_check CHECK (state IN ('due', 'sent', 'failed', 'unknown'));
