//! How much CPU a cgroup lets this process have. `available_parallelism` rounds it to whole cores:
//! 0.1 and 1.9 are both 1 there.

use std::fs;
use std::path::{Path, PathBuf};

/// Cores that this process may use: those that it may run on, or less by a quota.
pub(crate) fn cores() -> f64 {
    let quota = groups("/proc/self/cgroup").and_then(|text| least(&text, Path::new(ROOT)));
    within(allowed(), quota)
}

/// Periods of quotas, added up over the groups that this process is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Periods {
    all: u64,
    /// Those in which a quota was used up, and everything stood still until the next one.
    throttled: u64,
}

impl Periods {
    /// The share of the periods since then that were throttled.
    pub(crate) fn throttled_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let throttled = self.throttled.saturating_sub(before.throttled);
        if all == 0 {
            0.0
        } else {
            throttled as f64 / all as f64
        }
    }
}

/// Periods so far; none where there is no quota.
pub(crate) fn periods() -> Periods {
    groups("/proc/self/cgroup")
        .map_or_else(Periods::default, |text| periods_of(&text, Path::new(ROOT)))
}

fn periods_of(groups: &str, root: &Path) -> Periods {
    let mut sum = Periods::default();
    for group in around(groups, root) {
        let stat = fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
        let number = |key: &str| {
            let lines = stat.lines().filter_map(|line| line.split_once(' '));
            let mut own = lines.filter(|(name, _)| *name == key);
            own.next()
                .and_then(|(_, number)| number.trim().parse::<u64>().ok())
        };
        sum.all += number("nr_periods").unwrap_or(0);
        sum.throttled += number("nr_throttled").unwrap_or(0);
    }
    sum
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

/// The least quota of the groups that this process is in.
fn least(groups: &str, root: &Path) -> Option<f64> {
    let quotas = around(groups, root).into_iter();
    quotas.filter_map(|group| of_group(&group)).reduce(f64::min)
}

/// The groups that `/proc/self/cgroup` names, and those around them.
///
/// ```text
/// 0::/a/b                 version 2: ROOT/a/b/cpu.max            "150000 100000", or "max 100000"
/// 4:cpu,cpuacct:/a/b      version 1: ROOT/cpu/a/b/cpu.cfs_quota_us and cpu.cfs_period_us
/// ```
///
/// In a container, the group's path is often that of the host: then its root is the own group.
fn around(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = Vec::new();
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
            for group in around.filter(|group| group.is_dir()) {
                // `cpu` is often a link to `cpu,cpuacct`: no group counts twice.
                let group = group.canonicalize().unwrap_or_else(|_| group.to_owned());
                if !all.contains(&group) {
                    all.push(group);
                }
            }
        }
    }
    all
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
    fn throttled_periods_count_in_both_versions() {
        let stat = |periods: u64, throttled: u64, time: &str| {
            format!("nr_periods {periods}\nnr_throttled {throttled}\n{time} 123456\n")
        };
        let two = tempfile::tempdir().expect("a directory");
        let one = tempfile::tempdir().expect("a directory");
        let groups = [
            ("0::/a/b\n", two.path(), "a", "throttled_usec"),
            (
                "4:cpu,cpuacct:/a/b\n",
                one.path(),
                "cpu,cpuacct/a",
                "throttled_time",
            ),
        ];
        for (text, root, outer, time) in groups {
            group(
                root,
                &format!("{outer}/b"),
                &[("cpu.stat", &stat(100, 10, time))],
            );
            group(root, outer, &[("cpu.stat", "usage_usec 7\n")]);
            let before = periods_of(text, root);
            assert_eq!(
                before,
                Periods {
                    all: 100,
                    throttled: 10
                }
            );
            group(
                root,
                &format!("{outer}/b"),
                &[("cpu.stat", &stat(110, 13, time))],
            );
            assert_eq!(
                periods_of(text, root).throttled_since(before),
                0.3,
                "{time}"
            );
        }
        // Version 1 names it twice: by a link, and by its controllers.
        std::os::unix::fs::symlink(one.path().join("cpu,cpuacct"), one.path().join("cpu"))
            .expect("a link");
        let all = periods_of("4:cpu,cpuacct:/a/b\n", one.path());
        assert_eq!(
            all,
            Periods {
                all: 110,
                throttled: 13
            }
        );
        assert_eq!(all.throttled_since(all), 0.0, "no period has passed");
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
