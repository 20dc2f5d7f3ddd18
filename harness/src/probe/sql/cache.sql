-- Blocks that were asked for, and those that were in the cache.
SELECT (blks_hit + blks_read)::float8, blks_hit::float8 FROM pg_stat_database
WHERE datname = current_database()
