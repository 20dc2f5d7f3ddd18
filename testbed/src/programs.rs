//! Where the programs are that the testbed runs.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::Error;

/// Where Debian, Homebrew, PGDG's RPMs, Postgres.app and a build from source
/// put PostgreSQL's programs. A `*` stands for the version in a name.
const POSTGRES_PLACES: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/usr/pgsql-*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
];

const REDIS_PLACES: &[&str] = &[
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/redis*/bin",
    "/usr/local/opt/redis*/bin",
];

const INSTALL_POSTGRES: &str = if cfg!(target_os = "macos") {
    "brew install postgresql@17"
} else {
    "sudo apt-get install -y postgresql"
};

const INSTALL_REDIS: &str = if cfg!(target_os = "macos") {
    "brew install redis"
} else {
    "sudo apt-get install -y redis-server"
};

const INFLUX_PLACES: &[&str] = &[
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/opt/homebrew/opt/influxdb@1/bin",
    "/usr/local/opt/influxdb@1/bin",
];

const INSTALL_INFLUX: &str = if cfg!(target_os = "macos") {
    "brew install influxdb@1"
} else {
    "sudo apt-get install -y influxdb"
};

/// Debian's stands where only root looks, and has its modules in packages of their own.
const NGINX_PLACES: &[&str] = &["/usr/sbin", "/usr/local/sbin"];

const NGINX_MODULES: &[&str] = &["/usr/lib/nginx/modules", "/usr/share/nginx/modules"];

const INSTALL_NGINX: &str = "sudo apt-get install -y nginx libnginx-mod-http-echo";

/// The two programs of one PostgreSQL installation.
#[derive(Debug)]
pub(crate) struct PostgresPrograms {
    pub(crate) initdb: PathBuf,
    pub(crate) postgres: PathBuf,
}

/// Finds a directory that holds both programs, so that their versions match.
pub(crate) fn postgres() -> Result<PostgresPrograms, Error> {
    let places = places(env::var_os("PATH").as_deref(), POSTGRES_PLACES);
    let programs = |dir: PathBuf| PostgresPrograms {
        initdb: dir.join("initdb"),
        postgres: dir.join("postgres"),
    };
    first_with(&places, &["initdb", "postgres"])
        .map(programs)
        .ok_or(Error::MissingProgram {
            program: "initdb",
            install: INSTALL_POSTGRES,
        })
}

/// Finds `influxd`.
pub(crate) fn influxd() -> Result<PathBuf, Error> {
    let places = places(env::var_os("PATH").as_deref(), INFLUX_PLACES);
    first_with(&places, &["influxd"])
        .map(|dir| dir.join("influxd"))
        .ok_or(Error::MissingProgram {
            program: "influxd",
            install: INSTALL_INFLUX,
        })
}

/// An nginx with its module that answers late.
#[derive(Debug)]
pub(crate) struct NginxPrograms {
    pub(crate) nginx: PathBuf,
    pub(crate) echo: PathBuf,
}

/// Finds nginx and its echo module.
pub(crate) fn nginx() -> Result<NginxPrograms, Error> {
    const ECHO: &str = "ngx_http_echo_module.so";
    let missing = |program| Error::MissingProgram {
        program,
        install: INSTALL_NGINX,
    };
    let programs = places(env::var_os("PATH").as_deref(), NGINX_PLACES);
    let modules = places(None, NGINX_MODULES);
    let nginx = first_with(&programs, &["nginx"]).ok_or_else(|| missing("nginx"))?;
    let echo = first_with(&modules, &[ECHO]).ok_or_else(|| missing(ECHO))?;
    Ok(NginxPrograms {
        nginx: nginx.join("nginx"),
        echo: echo.join(ECHO),
    })
}

/// Finds `redis-server`.
pub(crate) fn redis_server() -> Result<PathBuf, Error> {
    let places = places(env::var_os("PATH").as_deref(), REDIS_PLACES);
    first_with(&places, &["redis-server"])
        .map(|dir| dir.join("redis-server"))
        .ok_or(Error::MissingProgram {
            program: "redis-server",
            install: INSTALL_REDIS,
        })
}

/// The directories of `path` first, because they are the user's choice; then
/// the usual ones, newest version first.
fn places(path: Option<&OsStr>, usual: &[&str]) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = path
        .map(|path| env::split_paths(path).collect())
        .unwrap_or_default();
    for pattern in usual {
        places.extend(expand(pattern));
    }
    places
}

fn first_with(places: &[PathBuf], programs: &[&str]) -> Option<PathBuf> {
    let holds_all = |dir: &&PathBuf| programs.iter().all(|program| dir.join(program).is_file());
    places.iter().find(holds_all).cloned()
}

/// The existing directories that a pattern with one `*` names.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![PathBuf::from(pattern)];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or((".", before));
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(version(&name[prefix.len()..])));
    names
        .iter()
        .map(|name| Path::new(parent).join(format!("{name}{after}")))
        .collect()
}

/// The numbers in a name, so that 17 comes after 9.6.
fn version(name: &str) -> Vec<u32> {
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(root: &Path, dir: &str, programs: &[&str]) {
        let dir = root.join(dir);
        fs::create_dir_all(&dir).unwrap();
        for program in programs {
            fs::write(dir.join(program), "").unwrap();
        }
    }

    #[test]
    fn the_newest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for version in ["9.6", "17", "15"] {
            install(
                root.path(),
                &format!("pg/{version}/bin"),
                &["initdb", "postgres"],
            );
        }
        let pattern = format!("{}/pg/*/bin", root.path().display());
        let found: Vec<_> = expand(&pattern);
        let expected =
            ["17", "15", "9.6"].map(|version| root.path().join(format!("pg/{version}/bin")));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_directory_with_only_one_of_the_programs_is_passed_over() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), "client", &["initdb"]);
        install(root.path(), "full", &["initdb", "postgres"]);
        let path = env::join_paths([root.path().join("client"), root.path().join("full")]).unwrap();
        let places = places(Some(&path), &[]);
        assert_eq!(
            first_with(&places, &["initdb", "postgres"]),
            Some(root.path().join("full"))
        );
    }

    #[test]
    fn path_comes_before_the_usual_places() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), "mine", &["redis-server"]);
        install(root.path(), "usual", &["redis-server"]);
        let path = env::join_paths([root.path().join("mine")]).unwrap();
        let usual = root.path().join("usual").display().to_string();
        let places = places(Some(&path), &[&usual]);
        assert_eq!(
            first_with(&places, &["redis-server"]),
            Some(root.path().join("mine"))
        );
    }

    #[test]
    fn a_missing_program_names_the_command_that_installs_it() {
        let error = Error::MissingProgram {
            program: "redis-server",
            install: INSTALL_REDIS,
        };
        assert!(
            error.to_string().contains("`redis-server` was not found"),
            "{error}"
        );
        assert!(error.to_string().contains("install"), "{error}");
    }
}
