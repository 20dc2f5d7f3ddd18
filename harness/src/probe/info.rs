//! What `INFO` of Redis says. Pure.

use std::collections::BTreeMap;

use super::look::{Look, Reading, Sum};

/// Fields that go up and down, with our names.
const GAUGES: [(&str, &str); 7] = [
    ("connected_clients", "redis_clients"),
    ("blocked_clients", "redis_blocked_clients"),
    ("used_memory", "redis_memory_bytes"),
    ("latest_fork_usec", "redis_last_fork_us"),
    ("rdb_bgsave_in_progress", "redis_saving"),
    ("aof_rewrite_in_progress", "redis_rewriting_log"),
    ("mem_fragmentation_ratio", "redis_fragmentation"),
];

/// Fields that only grow.
const COUNTERS: [(&str, &str); 7] = [
    ("evicted_keys", "redis_evictions"),
    ("expired_keys", "redis_expired"),
    ("keyspace_misses", "redis_misses"),
    ("keyspace_hits", "redis_hits"),
    ("rejected_connections", "redis_rejected_connections"),
    ("aof_delayed_fsync", "redis_delayed_fsyncs"),
    ("total_error_replies", "redis_errors"),
];

/// What the probe itself asks: its own calls tell nothing of the load.
const OWN: [&str; 3] = ["info", "slowlog|get", "client|setname"];

/// Reads the text; lines that it doesn't know are left out.
pub(super) fn look(text: &str) -> Look {
    let fields: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.trim_end().split_once(':'))
        .collect();
    let number = |key: &str| fields.get(key).and_then(|text| text.parse::<f64>().ok());
    let readings = |known: &[(&str, &str)]| -> Vec<Reading> {
        let found = known.iter();
        let found = found.filter_map(|(key, name)| Some(Reading::new(name, "", number(key)?)));
        found.collect()
    };
    let mut gauges = readings(&GAUGES);
    let limit = number("maxmemory").filter(|limit| *limit > 0.0);
    if let (Some(used), Some(limit)) = (number("used_memory"), limit) {
        let percent = used / limit * 100.0;
        gauges.push(Reading::new("redis_memory_percent", "", percent));
    }
    Look {
        gauges,
        counters: readings(&COUNTERS),
        sums: fields
            .iter()
            .filter_map(|(key, text)| command(key, text))
            .collect(),
        words: Vec::new(),
    }
}

/// `cmdstat_get:calls=4,usec=12,…`
fn command(key: &str, text: &str) -> Option<Sum> {
    let name = key.strip_prefix("cmdstat_")?;
    let value = |wanted: &str| {
        let mut pairs = text.split(',').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(key, _)| *key == wanted)?;
        value.parse::<f64>().ok()
    };
    let sum = Sum {
        rate: Some("redis_calls".to_owned()),
        mean: "redis_command_us".to_owned(),
        of: name.to_uppercase().replace('|', " "),
        count: value("calls")?,
        sum: value("usec")?,
        scale: 1.0,
        whole: true,
    };
    (!OWN.contains(&name)).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Clients\r\nconnected_clients:12\r\nblocked_clients:1\r\n# Memory\r\n\
        used_memory:1000\r\nmaxmemory:4000\r\n# Stats\r\nevicted_keys:7\r\nexecutable:/x:y\r\n\
        # Commandstats\r\ncmdstat_get:calls=4,usec=12,usec_per_call=3.00\r\n\
        cmdstat_debug|sleep:calls=1,usec=9\r\ncmdstat_info:calls=9,usec=900\r\n\
        cmdstat_broken:calls=x\r\n";

    #[test]
    fn clients_memory_and_commands_are_read() {
        let look = look(TEXT);
        let gauge = |name: &str| {
            look.gauges
                .iter()
                .find(|one| one.metric == name)
                .map(|one| one.value)
        };
        assert_eq!(gauge("redis_clients"), Some(12.0));
        assert_eq!(gauge("redis_memory_percent"), Some(25.0));
        assert_eq!(gauge("redis_saving"), None);
        assert_eq!(look.counters, [Reading::new("redis_evictions", "", 7.0)]);
        let commands: Vec<_> = look
            .sums
            .iter()
            .map(|sum| (&*sum.of, sum.count, sum.sum))
            .collect();
        assert_eq!(commands, [("DEBUG SLEEP", 1.0, 9.0), ("GET", 4.0, 12.0)]);
    }
}
