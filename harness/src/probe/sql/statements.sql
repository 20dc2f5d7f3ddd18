-- The statements that took most time since they are counted.
SELECT left(query, 300), sum(calls)::float8, sum(total_exec_time)::float8
FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY 1 ORDER BY 3 DESC LIMIT 20
