-- The same from version 18 on.
SELECT coalesce(sum(fsyncs), 0)::float8, coalesce(sum(fsync_time), 0)::float8 FROM pg_stat_io
WHERE object = 'wal'
