//! The command lines of the generators.

use std::{path::Path, process::Command};

use crate::{bench::Bench, generator::Load};

pub(crate) fn load_flags(load: &Load) -> Vec<String> {
    let mut flags = vec!["--host".to_owned(), load.host.clone()];
    if load.ramp > 0 {
        for stage in [("ramp_up", load.ramp), ("hold", load.hold)] {
            flags.extend([
                "--stage".to_owned(),
                format!("{}={}s:{}", stage.0, stage.1, load.vus),
            ]);
        }
    } else {
        flags.extend(["--vus".to_owned(), load.vus.to_string()]);
        flags.extend(["--duration".to_owned(), format!("{}s", load.hold)]);
    }
    flags.extend(["--coupon-wait".to_owned(), format!("{}s", load.wait)]);
    flags.extend(["--sla", "none", "--no-audit"].map(str::to_owned));
    if let Some(influx) = &load.influx {
        flags.extend(["--out".to_owned(), format!("influxdb={influx}/loadtest")]);
    }
    if load.http2 {
        flags.push("--http2".to_owned());
    }
    if load.host.starts_with("https:") {
        flags.push("--insecure".to_owned());
    }
    for probe in &load.probes {
        flags.extend(["--probe".to_owned(), probe.clone()]);
    }
    flags
}

pub(crate) fn loadtest_command(
    bench: &Bench,
    program: &Path,
    flags: &[String],
    summary: &Path,
) -> Command {
    let mut command = Command::new(program);
    command.args(flags);
    command.args(["--quiet", "--summary-json"]);
    command.arg(summary);
    command.arg("--report-dir").arg(bench.work.join("reports"));
    command.current_dir(&bench.root);
    command
}

pub(crate) fn k6_command(bench: &Bench, load: &Load, summary: &Path) -> Command {
    let mut command = Command::new(&bench.tools.k6);
    command.args(["run", "--quiet", "--no-color", "--no-usage-report"]);
    for (name, value) in [
        ("BASE_URL", load.host.clone()),
        ("VUS", load.vus.to_string()),
        ("RAMP", load.ramp.to_string()),
        ("HOLD", load.hold.to_string()),
        ("WAIT", load.wait.to_string()),
    ] {
        command.arg("-e").arg(format!("{name}={value}"));
    }
    if let Some(influx) = &load.influx {
        command.arg("--out").arg(format!("influxdb={influx}/k6"));
    }
    command.arg("--summary-export");
    command.arg(summary);
    command.arg(bench.root.join("bench/k6/persona_a.js"));
    command.current_dir(&bench.root);
    command
}

pub(crate) fn wrk_command(bench: &Bench, load: &Load) -> Command {
    let mut command = Command::new(&bench.tools.wrk);
    command.arg("-t1");
    command.arg(format!("-c{}", load.vus));
    command.arg(format!("-d{}s", load.hold));
    command
        .arg("-s")
        .arg(bench.root.join("bench/wrk/persona_a.lua"));
    command.arg(&load.host);
    command.current_dir(&bench.root);
    command
}

/// It sends the same body in every request or none at all, so these are GETs: persona A's and the
/// list of products, one after the other.
pub(crate) fn h2load_command(bench: &Bench, load: &Load) -> Command {
    let mut command = Command::new(&bench.tools.h2load);
    command.args(["-t1", "-m1"]);
    command.arg(format!("-c{}", load.vus));
    command.arg(format!("-D{}s", load.hold));
    for path in [
        "/users/id?name=u7",
        "/users/7/balance",
        "/users/7/coupons",
        "/products/top/realtime",
        "/products",
    ] {
        command.arg(format!("{}{path}", load.host));
    }
    command.current_dir(&bench.root);
    command
}

/// The same on one core only.
pub(crate) fn pinned(command: Command, core: Option<usize>) -> Command {
    let Some(core) = core else {
        return command;
    };
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &core.to_string()]);
    pinned.arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        pinned.current_dir(dir);
    }
    pinned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_flags_say_the_load() {
        let mut load = Load {
            host: "http://h".to_owned(),
            vus: 5,
            hold: 9,
            ..Load::default()
        };
        let flags = load_flags(&load).join(" ");
        assert_eq!(
            flags,
            "--host http://h --vus 5 --duration 9s --coupon-wait 0s --sla none --no-audit"
        );
        load.ramp = 2;
        load.wait = 1;
        load.influx = Some("http://i".to_owned());
        let flags = load_flags(&load).join(" ");
        assert_eq!(
            flags,
            "--host http://h --stage ramp_up=2s:5 --stage hold=9s:5 --coupon-wait 1s --sla none --no-audit \
             --out influxdb=http://i/loadtest"
        );
    }
}
