-- Who holds up whom: those first who wait for nobody themselves.
SELECT b.pid, coalesce(b.state, 'unknown'), coalesce(b.query, ''),
  coalesce(extract(epoch FROM clock_timestamp() - b.state_change), 0)::float8,
  count(*)::float8, max(extract(epoch FROM clock_timestamp() - w.query_start))::float8,
  coalesce((array_agg(w.query ORDER BY w.query_start))[1], '')
FROM (SELECT * FROM pg_stat_activity WHERE wait_event_type = 'Lock'
      ORDER BY query_start LIMIT 12) AS w
CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking(pid)
JOIN pg_stat_activity AS b ON b.pid = blocking.pid
GROUP BY b.pid, b.state, b.query, b.state_change, b.wait_event_type
ORDER BY coalesce(b.wait_event_type, '') = 'Lock', count(*) DESC LIMIT 3
