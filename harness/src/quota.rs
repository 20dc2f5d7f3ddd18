//! How much CPU a cgroup lets this process have. `available_parallelism` rounds it to whole cores:
//! 0.1 and 1.9 are both 1 there.

use std::fs;
use std::path::{Path, PathBuf};

/// Cores that this process may use: those that it may run on, or less by a quota.
pub(crate) fn cores() -> f64 {
    let quota = groups("/proc/self/cgroup").and_then(|text| least(&text, Path::new(ROOT)));
    within(allowed(), quota)
}

const ROOT: &str = "/sys/fs/cgroup";

/// The cores of the affinity mask: what the system says without looking at quotas.
fn allowed() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let cores = list.map_or(0, |list| counted(list.trim()));
    match cores {
        0 => std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64),
        cores => cores as f64,
    }
}

/// How many numbers a list such as `0-3,7` has.
fn counted(list: &str) -> usize {
    let of_part = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        (last + 1).checked_sub(first)
    };
    list.split(',').filter_map(of_part).sum()
}

fn within(allowed: f64, quota: Option<f64>) -> f64 {
    quota.map_or(allowed, |quota| quota.min(allowed))
}

fn groups(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The least quota of the groups that `/proc/self/cgroup` names, and of those around them.
///
/// ```text
/// 0::/a/b                 version 2: ROOT/a/b/cpu.max            "150000 100000", or "max 100000"
/// 4:cpu,cpuacct:/a/b      version 1: ROOT/cpu/a/b/cpu.cfs_quota_us and cpu.cfs_period_us
/// ```
///
/// In a container, the group's path is often that of the host: then its root is the own group.
fn least(groups: &str, root: &Path) -> Option<f64> {
    let mut least: Option<f64> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let tops: Vec<PathBuf> = match controllers {
            "" => vec![root.to_owned(), root.join("unified")],
            list if list.split(',').any(|name| name == "cpu") => {
                vec![root.join("cpu"), root.join(list)]
            }
            _ => continue,
        };
        for top in tops {
            let own = top.join(path.trim_start_matches('/'));
            let around = own.ancestors().take_while(|group| group.starts_with(&top));
            for cores in around.filter_map(of_group) {
                least = Some(least.map_or(cores, |least| least.min(cores)));
            }
        }
    }
    least
}

/// The quota of one group, in cores.
fn of_group(group: &Path) -> Option<f64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let (quota, period) = match read("cpu.max") {
        Some(text) => {
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.to_owned(), period.to_owned())
        }
        None => (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?),
    };
    // "max" and -1 are no limit.
    let quota = quota
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|quota| *quota > 0.0)?;
    let period = period
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|period| *period > 0.0)?;
    Some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(root: &Path, path: &str, files: &[(&str, &str)]) {
        let group = root.join(path);
        fs::create_dir_all(&group).expect("a directory");
        for (name, text) in files {
            fs::write(group.join(name), text).expect("a file");
        }
    }

    #[test]
    fn a_quota_counts_as_what_it_is_in_both_versions() {
        for (quota, cores) in [("190000", 1.9), ("50000", 0.5), ("10000", 0.1)] {
            let root = tempfile::tempdir().expect("a directory");
            group(root.path(), "a", &[("cpu.max", "max 100000\n")]);
            let max = format!("{quota} 100000\n");
            group(root.path(), "a/b", &[("cpu.max", &max)]);
            assert_eq!(least("0::/a/b\n", root.path()), Some(cores), "version 2");
            let root = tempfile::tempdir().expect("a directory");
            let files = [
                ("cpu.cfs_quota_us", quota),
                ("cpu.cfs_period_us", "100000\n"),
            ];
            group(root.path(), "cpu/a", &files);
            let groups = "5:memory:/a\n4:cpu,cpuacct:/a/b\n";
            group(
                root.path(),
                "cpu/a/b",
                &[("cpu.cfs_quota_us", "-1\n"), files[1]],
            );
            assert_eq!(
                least(groups, root.path()),
                Some(cores),
                "version 1, of the group around"
            );
        }
    }

    #[test]
    fn without_a_quota_the_allowed_cores_count() {
        let root = tempfile::tempdir().expect("a directory");
        assert_eq!(least("0::/\n", root.path()), None);
        assert_eq!((within(2.0, None), within(2.0, Some(8.0))), (2.0, 2.0));
        assert_eq!(within(2.0, Some(0.1)), 0.1);
        assert_eq!((counted("0-3,7"), counted("5"), counted("")), (5, 1, 0));
    }

    /// A path of the host, as a container sees it: the quota stands at the root.
    #[test]
    fn in_a_container_the_root_is_the_own_group() {
        let root = tempfile::tempdir().expect("a directory");
        group(root.path(), "", &[("cpu.max", "50000 100000\n")]);
        assert_eq!(least("0::/docker/123\n", root.path()), Some(0.5));
    }
}
