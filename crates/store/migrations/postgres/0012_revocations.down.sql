-- Of a mail that is not known to have been sent the older program says that it was not. Behind its wall nothing could be
-- changed.
ALTER TABLE mails NO FORCE ROW LEVEL SECURITY;
UPDATE mails SET state = 'failed' WHERE state = 'unknown';
ALTER TABLE mails FORCE ROW LEVEL SECURITY;
ALTER TABLE mails
    DROP CONSTRAINT mails_state_check,
    ADD CONSTRAINT mails_state_check CHECK (state IN ('due', 'sent', 'failed'));
DROP TABLE revocations;
ALTER TABLE oauth_states DROP COLUMN role;
