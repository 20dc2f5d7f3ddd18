//! Which metrics of an endpoint are kept: names with `*`. Pure.

use url::Url;

/// Names that are kept; `*` stands for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patterns(Vec<String>);

/// What is kept where no pattern is given: what tells of waiting, full pools and busy machines.
const DEFAULTS: &[&str] = &[
    // Spring Boot, with HikariCP, the JVM and its web servers.
    "hikaricp_connections*",
    "jvm_gc_pause_seconds*",
    "jvm_memory_used_bytes",
    "jvm_threads_live_threads",
    "jvm_threads_states_threads",
    "process_cpu_usage",
    "system_cpu_usage",
    "tomcat_threads_*",
    "tomcat_connections_*",
    "jetty_threads_*",
    "executor_active_threads",
    "executor_queued_tasks",
    "lettuce_command_completion_seconds*",
    // postgres_exporter
    "pg_stat_activity_count",
    "pg_stat_activity_max_tx_duration",
    "pg_locks_count",
    "pg_stat_database_deadlocks*",
    "pg_stat_database_xact_*",
    "pg_stat_database_temp_bytes*",
    // mysqld_exporter
    "mysql_global_status_threads_*",
    "mysql_global_status_innodb_row_lock_*",
    "mysql_global_status_slow_queries",
    "mysql_global_status_aborted_connects*",
    "mysql_global_variables_max_connections",
    // redis_exporter
    "redis_blocked_clients",
    "redis_connected_clients",
    "redis_commands_duration_seconds_total",
    "redis_commands_total",
    "redis_evicted_keys_total",
    "redis_memory_used_bytes",
    // node_exporter
    "node_load1",
    "node_cpu_seconds_total",
    "node_disk_io_time_seconds_total",
    "node_pressure_*",
    // cAdvisor
    "container_cpu_usage_seconds_total",
    "container_cpu_cfs_throttled_seconds_total",
    "container_memory_working_set_bytes",
];

impl Default for Patterns {
    fn default() -> Self {
        Self(DEFAULTS.iter().map(|name| (*name).to_owned()).collect())
    }
}

impl Patterns {
    /// Takes `match=PATTERN,...` out of an address: it is ours, and not the server's.
    pub(super) fn taken_from(url: &mut Url) -> Result<Self, String> {
        let is_ours = |key: &str| key == "match";
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let (ours, theirs): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| is_ours(key));
        if ours.is_empty() {
            return Ok(Self::default());
        }
        url.set_query(None);
        if !theirs.is_empty() {
            url.query_pairs_mut().extend_pairs(theirs);
        }
        let texts = ours.iter().flat_map(|(_, text)| text.split(','));
        let patterns: Vec<String> = texts.map(|text| text.trim().to_owned()).collect();
        if patterns.iter().any(String::is_empty) {
            return Err("match has an empty pattern; write match=hikaricp_*,jvm_gc_*".to_owned());
        }
        Ok(Self(patterns))
    }

    /// Whether a metric of this name is kept.
    pub(super) fn keep(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| fits(pattern, name))
    }
}

/// Whether a name fits a pattern, where `*` stands for anything: its pieces follow each other.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let rows = [
            ("a_b", "a_b", true),
            ("a_b", "a_bc", false),
            ("a_*", "a_", true),
            ("a_*", "a", false),
            ("*_b", "a_b", true),
            ("*_b", "a_b_c", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("a*a", "a", false),
            ("*", "", true),
        ];
        for (pattern, name, expected) in rows {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_are_taken_out_of_the_address() {
        let mut url = Url::parse("http://h/m?a=1&match=x_*,y&match=z").expect("an address");
        let patterns = Patterns::taken_from(&mut url).expect("good ones");
        assert_eq!(url.as_str(), "http://h/m?a=1");
        let kept = ["x_1", "y", "z", "hikaricp_connections"].map(|name| patterns.keep(name));
        assert_eq!(kept, [true, true, true, false]);
        let mut url = Url::parse("http://h/m?match=x").expect("an address");
        Patterns::taken_from(&mut url).expect("good ones");
        assert_eq!(url.as_str(), "http://h/m");
        let mut url = Url::parse("http://h/m?match=x,,y").expect("an address");
        assert!(Patterns::taken_from(&mut url).is_err());
        assert!(Patterns::default().keep("hikaricp_connections_pending"));
    }
}
