-- What only grows, of this database and of the server: metric, of what, value.
SELECT name, '', value::float8 FROM pg_stat_database,
  LATERAL (VALUES ('postgres_commits', xact_commit), ('postgres_rollbacks', xact_rollback),
    ('postgres_deadlocks', deadlocks), ('postgres_temp_bytes', temp_bytes),
    ('postgres_block_reads', blks_read)) AS each(name, value)
WHERE datname = current_database()
UNION ALL SELECT 'postgres_wal_bytes', '', pg_wal_lsn_diff(
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
  '0/0')::float8
