//! Hosts of a test: network namespaces on a bridge, in a network that only the test has. Namespaces
//! end with the processes in them, and these end with the test, however it ends.

use std::fs;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use tempfile::TempDir;

use crate::team::LOADTEST;

/// Where the test itself is, and its servers.
pub(crate) const HUB: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const HUB_NAME: &str = "hub";
/// The numbers of the hosts there may be.
const NUMBERS: [u8; 3] = [1, 2, 3];
const ATTACHED_WITHIN: Duration = Duration::from_secs(10);
const ANSWERS_WITHIN: Duration = Duration::from_millis(500);

/// Attaches a host to the bridge from inside, and runs its program. The shell stays: it is the first
/// process of the host, and waits for those whose parent has ended.
const HOST: &str = r#"
set -e
hostname "$0"
until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
ip link set lo up
ip address add "$1/24" dev eth0
ip link set eth0 up
shift
"$@" &
wait $!
"#;

/// The network that a test has for itself.
pub(crate) struct Net {
    // The file behind /etc/hosts.
    _folder: TempDir,
}

/// Runs a test in a network of its own. Only root may make one: for other users this says so on
/// standard error, past the capture of the test's output, and tests nothing. Root without the right
/// to do it (in a container, say) is an error.
pub(crate) fn in_a_network_of_its_own(name: &str, test: impl AsyncFnOnce(Net) + Send + 'static) {
    if !geteuid().is_root() {
        let skipped = format!("SKIPPED: {name} needs root, for network namespaces\n");
        let _ = std::io::stderr().write_all(skipped.as_bytes());
        return;
    }
    // Namespaces are a thread's; children of this one are in them as well.
    let ran = thread::spawn(|| {
        let net = Net::enter();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(test(net));
    });
    if let Err(panic) = ran.join() {
        std::panic::resume_unwind(panic);
    }
}

impl Net {
    fn enter() -> Self {
        let flags = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWNS;
        unshare(flags).expect("root may make namespaces (in a container: --privileged)");
        let folder = tempfile::tempdir().expect("a temporary directory");
        let hosts = folder.path().join("hosts");
        let lines = NUMBERS.map(|number| format!("{} {}\n", address(number), name(number)));
        let text = format!("127.0.0.1 localhost\n{HUB} {HUB_NAME}\n{}", lines.concat());
        fs::write(&hosts, text).expect("written");
        run("mount --make-rprivate /");
        run(&format!("mount --bind {} /etc/hosts", hosts.display()));
        run(&format!("hostname {HUB_NAME}"));
        run("ip link set lo up");
        run("ip link add bridge type bridge");
        run(&format!("ip address add {HUB}/24 dev bridge"));
        run("ip link set bridge up");
        Self { _folder: folder }
    }

    /// Starts a program as a host, with processes, mounts and a name of its own.
    pub(crate) fn host(&self, number: u8, program: &[&str], log: &str) -> Host {
        let mut command = Command::new("unshare");
        command.args(["--net", "--uts", "--mount", "--pid", "--fork"]);
        command.args(["--kill-child", "--mount-proc", "sh", "-c", HOST]);
        command.args([&name(number), &address(number).to_string()]);
        command.args(program);
        let process = Guarded::start(&command, log);
        let pid = process.child.id();
        let since = Instant::now();
        while namespace(&format!("{pid}")) == namespace("thread-self") {
            assert!(since.elapsed() < ATTACHED_WITHIN, "no namespace of {pid}");
            thread::sleep(Duration::from_millis(5));
        }
        let link = link(number);
        run(&format!(
            "ip link add {link} type veth peer name eth0 netns {pid}"
        ));
        run(&format!("ip link set {link} master bridge up"));
        Host { number, process }
    }
}

/// A host, which is gone when it is dropped.
pub(crate) struct Host {
    number: u8,
    process: Guarded,
}

impl Host {
    /// Cuts it off from the others.
    pub(crate) fn cut(&self) {
        run(&format!("ip link set {} down", link(self.number)));
    }

    /// The load test's program on this host.
    pub(crate) fn loadtest(&self) -> tokio::process::Command {
        let pid = self.process.child.id();
        let mut command = tokio::process::Command::new("nsenter");
        command.args([format!("--net=/proc/{pid}/ns/net")]);
        command.args([format!("--uts=/proc/{pid}/ns/uts")]);
        command.arg(LOADTEST);
        command
    }
}

/// A process that ends with this one for whatever reason.
pub(crate) struct Guarded {
    child: Child,
}

impl Guarded {
    pub(crate) fn start(command: &Command, log: &str) -> Self {
        let log = fs::File::create(log).expect("a file");
        let child = testbed::guarded(command, Signal::SIGKILL)
            .expect("a watchdog")
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn();
        Self {
            child: child.expect("the shell is there"),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        testbed::forget(self.child.id());
    }
}

fn name(number: u8) -> String {
    format!("node{number}")
}

fn address(number: u8) -> Ipv4Addr {
    let [a, b, c, _] = HUB.octets();
    Ipv4Addr::new(a, b, c, 10 + number)
}

fn link(number: u8) -> String {
    format!("to-{}", name(number))
}

fn namespace(process: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/net")).ok()
}

/// Runs a command of words without blanks in this thread's namespaces.
fn run(line: &str) {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a program");
    let ran = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output();
    let ran = ran.unwrap_or_else(|error| panic!("{line}: {error} (apt-get install iproute2)"));
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{line}: {told}");
}

/// A process on a host is in the host's network, and one that is cut off hears nothing.
#[test]
fn a_host_is_reached_until_it_is_cut_off() {
    in_a_network_of_its_own("a_host_is_reached_until_it_is_cut_off", async |net| {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let log = folder.path().join("log").display().to_string();
        let host = net.host(1, &["sleep", "60"], &log);
        // Nothing listens there, which only a host that is reached can say.
        let is_reached = || {
            let answered = TcpStream::connect_timeout(&(address(1), 1).into(), ANSWERS_WITHIN);
            answered.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        };
        let since = Instant::now();
        while !is_reached() {
            assert!(since.elapsed() < ATTACHED_WITHIN, "it can't be reached");
        }
        host.cut();
        assert!(!is_reached());
    });
}
