-- How often the WAL was written to the disk, and the milliseconds that it took.
SELECT wal_sync::float8, wal_sync_time::float8 FROM pg_stat_wal
