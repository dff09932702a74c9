DROP POLICY calendars_platform_select ON calendars;
