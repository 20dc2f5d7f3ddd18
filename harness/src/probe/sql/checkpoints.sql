-- Before version 17.
SELECT 'postgres_checkpoints', '', (checkpoints_timed + checkpoints_req)::float8 FROM pg_stat_bgwriter
