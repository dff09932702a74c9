-- As what somebody may come back from a consent page.

-- As what they went there; none for the platform.
ALTER TABLE oauth_states ADD COLUMN role text CHECK (role IN ('owner', 'manager', 'staff', 'customer'));
