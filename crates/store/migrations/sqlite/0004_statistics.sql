-- What SQLite's planner takes for granted, written down instead of measured: a database that is being filled for the first
-- time has no statistics, and without them the planner reads all events of a tenant to find a hundred by their UIDs.
-- Each line: how many rows the table has, then how many share the first, the first two, .. columns of the index.

ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('events', 'events', '1000000 10000 1'),
    ('events', 'events_by_start', '1000000 10000 2 1'),
    ('events', 'events_by_uid', '1000000 10000 2000 1'),
    ('event_versions', 'sqlite_autoindex_event_versions_1', '2000000 20000 2 1'),
    ('event_versions', 'event_versions_by_seq', '2000000 20000 1'),
    ('mirrors', 'sqlite_autoindex_mirrors_1', '1000000 10000 2000 1'),
    ('mirrors', 'sqlite_autoindex_mirrors_2', '1000000 10000 2000 1'),
    ('remote_writes', 'remote_writes', '1000000 10000 2000 4 2 1'),
    ('remote_writes', 'remote_writes_by_event', '1000000 10000 4 1');
ANALYZE sqlite_schema;
