DROP TABLE event_versions;
DROP TABLE events;
DROP TABLE calendars;
DROP TABLE remote_calendars;
DROP TABLE secrets;
DROP TABLE connections;
