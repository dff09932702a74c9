DROP TABLE remote_writes;
DROP TABLE runs;
DROP TABLE conflicts;
DROP TABLE held_deletions;
DROP TABLE skips;
DROP TABLE intents;
DROP TABLE mirrors;
DROP TABLE links;
