//! A private nginx, for tests against a server that isn't ours.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    Error,
    process::{Launch, Process},
    programs, watchdog,
};

const READY_WITHIN: Duration = Duration::from_secs(10);

/// How often another port is tried: one that was free a moment ago may be taken.
const TRIES: u32 = 5;

/// What an nginx serves.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// What stands in the block `http` of its configuration. `ADDRESS` in it is replaced with the
    /// address to listen on.
    pub http: &'a str,
    /// Names and contents of files beside the configuration, such as a certificate.
    pub files: &'a [(&'a str, &'a str)],
}

/// An nginx of one's own on a free port of the loopback, with the echo module, ended on drop.
#[derive(Debug)]
pub struct Nginx {
    // Declared before the directory, so that it is dropped before it.
    _process: Process,
    dir: TempDir,
    address: SocketAddr,
}

impl Nginx {
    /// Starts it.
    ///
    /// # Errors
    /// When it isn't there, or takes the configuration for none.
    pub async fn start(site: Site<'_>) -> Result<Self, Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::start_once(site).await {
                Err(Error::Exited { .. }) if tries < TRIES => {}
                started => return started,
            }
        }
    }

    async fn start_once(site: Site<'_>) -> Result<Self, Error> {
        let programs = programs::nginx()?;
        let dir = watchdog::private_dir()?;
        let address = free_address()?;
        for (name, contents) in site.files {
            write(&dir.path().join(name), contents)?;
        }
        let http = site.http.replace("ADDRESS", &address.to_string());
        let config = dir.path().join("nginx.conf");
        write(&config, &configuration(&programs.echo, &http))?;
        let mut command = Command::new(programs.nginx);
        command.arg("-p").arg(dir.path()).arg("-c").arg(config);
        command.args(["-e", "stderr"]).current_dir("/");
        let mut process = Process::spawn(Launch {
            program: "nginx",
            command,
            end: Signal::SIGTERM,
            log: dir.path().join("log"),
            stdout: None,
            user: None,
        })?;
        // It writes the file when the port is its own: before that, another may answer there.
        let pid = dir.path().join("nginx.pid");
        let listens = async || (pid.exists() && TcpStream::connect(address).is_ok()).then_some(());
        process.wait_until(READY_WITHIN, listens).await?;
        Ok(Self {
            _process: process,
            dir,
            address,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The directory that its configuration's paths begin at.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

fn free_address() -> Result<SocketAddr, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(Error::io("find a free port".to_owned()))
}

/// One process that stays in the foreground and writes into its own directory only.
fn configuration(echo: &Path, http: &str) -> String {
    format!(
        "load_module {};\n\
         daemon off;\n\
         master_process off;\n\
         pid nginx.pid;\n\
         error_log stderr warn;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         access_log off;\n\
         client_body_temp_path body;\n\
         proxy_temp_path proxy;\n\
         fastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\n\
         scgi_temp_path scgi;\n\
         {http}\n\
         }}\n",
        echo.display()
    )
}

fn write(path: &Path, contents: &str) -> Result<(), Error> {
    fs::write(path, contents).map_err(Error::io(format!("write {}", path.display())))
}
