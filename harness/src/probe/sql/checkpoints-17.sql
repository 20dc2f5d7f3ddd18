-- From version 17 on.
SELECT 'postgres_checkpoints', '', (num_timed + num_requested)::float8 FROM pg_stat_checkpointer
