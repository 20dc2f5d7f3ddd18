-- Version, whether there is pg_stat_statements, and whether the role sees what others do.
SELECT current_setting('server_version_num')::int4,
       to_regclass('pg_stat_statements') IS NOT NULL,
       pg_has_role(current_user, 'pg_monitor', 'USAGE')
