-- What is going on: metric, of what, value.
WITH others AS (
  SELECT state, wait_event_type AS kind, wait_event AS event, xact_start
  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
SELECT 'postgres_sessions', coalesce(state, 'unknown'), count(*)::float8 FROM others GROUP BY 2
UNION ALL SELECT 'postgres_waits', kind || ':' || event, count(*)::float8 FROM others
  WHERE state = 'active' AND kind NOT IN ('Client', 'Activity') GROUP BY 2
UNION ALL SELECT 'postgres_lock_waits', '', (count(*) FILTER (WHERE kind = 'Lock'))::float8 FROM others
UNION ALL SELECT 'postgres_longest_transaction_seconds', '',
  coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8 FROM others
UNION ALL SELECT 'postgres_connections_percent', '',
  count(*)::float8 * 100 / current_setting('max_connections')::float8 FROM others
