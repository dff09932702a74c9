-- How many calendars each tenant has, against its quota, is counted for all tenants at once.
CREATE POLICY calendars_platform_select ON calendars FOR SELECT
    USING (current_setting('kalends.scope', true) = 'platform');
