//! The private local server, and what can go wrong with it.

mod place;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use packline::store::local::{Choice, Cluster, Durability, LocalError, Settings};
use rustix::process::Signal;
use sqlx::{Connection as _, Executor as _, PgConnection};

use self::place::{
    HOLD, Holder, LIMIT, LINGER, Place, account, connect, is_root, supervisors, text,
};
use crate::harness::{self, signal, until};

/// Not a test: what [`Holder`] runs. Uses the server until its standard input ends.
#[test]
#[ignore = "a process that other tests start"]
fn hold() {
    let data_dir = PathBuf::from(std::env::var_os(HOLD).expect("started by another test"));
    let settings = Settings {
        linger: LINGER,
        program: Some(
            std::env::var_os("PACKLINE_TEST_PROGRAM")
                .unwrap_or_else(|| env!("CARGO_BIN_EXE_packline").into())
                .into(),
        ),
        ..Settings::new(&data_dir)
    };
    let _server = settings.open().expect("the local server");
    let cluster = Cluster::prepare(&data_dir, Durability::Safe).expect("its directory");
    let postmaster = cluster.postmaster().expect("it runs");
    writeln!(std::io::stdout(), "holding {postmaster}").expect("a reader");
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("the end");
}

// ---- the harness --------------------------------------------------------------------------------

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = tokio::join!(harness::database(), harness::database());
    assert_ne!(one.name, other.name);
    let mut connection = one.connect().await;
    assert_eq!(
        text(&mut connection, "select current_database()::text").await,
        one.name
    );
    let mut by_url = PgConnection::connect(&other.url).await.expect("its URL");
    assert_eq!(
        text(&mut by_url, "select current_database()::text").await,
        other.name
    );
}

#[tokio::test]
async fn a_server_of_its_own_can_be_stopped_killed_and_started() {
    let server = harness::dedicated_server();
    let database = server.database().await;
    let mut connection = database.connect().await;
    sqlx::query("create table kept (n int)")
        .execute(&mut connection)
        .await
        .expect("a table");
    for interrupt in [
        harness::DedicatedServer::stop,
        harness::DedicatedServer::kill,
    ] {
        interrupt(&server);
        let refused = PgConnection::connect_with(&database.options).await;
        assert!(refused.is_err(), "nothing answers");
        server.start();
        let mut connection = database.connect().await;
        sqlx::query("insert into kept values (1)")
            .execute(&mut connection)
            .await
            .expect("the table is still there");
    }
}

// ---- the server ---------------------------------------------------------------------------------

#[tokio::test]
async fn it_is_private_durable_and_off_the_network() {
    let place = Place::new();
    let server = place.open();
    let mut connection = connect(&server.connect_options("postgres")).await;
    assert_eq!(text(&mut connection, "show fsync").await, "on");
    assert_eq!(text(&mut connection, "show full_page_writes").await, "on");
    assert_eq!(text(&mut connection, "show synchronous_commit").await, "on");
    assert_eq!(text(&mut connection, "show listen_addresses").await, "");
    assert_eq!(text(&mut connection, "show server_encoding").await, "UTF8");
    assert_eq!(text(&mut connection, "select upper('ä')").await, "Ä");

    for name in ["start.lock", "lease.lock", "server.log"] {
        let found = fs::metadata(place.data_dir.join(name)).expect("a file");
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
    let account = account();
    for dir in [server.socket_dir(), &place.cluster()] {
        let found = fs::metadata(dir).expect("a directory");
        assert_eq!(
            found.permissions().mode() & 0o777,
            0o700,
            "{}",
            dir.display()
        );
        assert_eq!(found.uid(), account.uid, "{}", dir.display());
    }
}

#[tokio::test]
async fn databases_are_made_once_and_roles_enter_without_a_password() {
    let place = Place::new();
    let server = place.open();
    let name = "a \"demo\"; of ours";
    let (one, other) = tokio::join!(server.ensure_database(name), server.ensure_database(name));
    one.and(other).expect("made by one, found by the other");
    server.ensure_database(name).await.expect("it is there");

    let options = server.connect_options(name);
    let mut connection = connect(&options).await;
    assert_eq!(
        text(&mut connection, "select session_user::text").await,
        "packline"
    );
    sqlx::query("create role ada login")
        .execute(&mut connection)
        .await
        .expect("a role");
    let mut connection = connect(&options.username("ada")).await;
    assert_eq!(
        text(&mut connection, "select session_user::text").await,
        "ada"
    );
}

#[test]
fn programs_that_start_at_once_share_one_server() {
    let place = Place::new();
    let postmasters: Vec<i32> = std::thread::scope(|scope| {
        let holders: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| Holder::start(&place.data_dir)))
            .collect();
        let holders: Vec<Holder> = holders
            .into_iter()
            .map(|holder| holder.join().expect("each of them uses it"))
            .collect();
        holders.iter().map(|holder| holder.postmaster).collect()
    });
    assert_eq!(postmasters, [postmasters[0]; 4]);
}

#[tokio::test]
async fn killed_programs_give_the_server_back_and_lose_nothing() {
    let place = Place::new();
    let first = Holder::start(&place.data_dir);
    let second = Holder::start(&place.data_dir);
    let server = place.open();
    let mut connection = connect(&server.connect_options("postgres")).await;
    sqlx::query("create table kept as select 7 as n")
        .execute(&mut connection)
        .await
        .expect("a table");
    drop(server);

    first.kill();
    // Still used by the second, so it must outlast the linger.
    sqlx::query("select pg_sleep($1)")
        .bind(LINGER.as_secs_f64() * 4.0)
        .execute(&mut connection)
        .await
        .expect("the server stays while someone uses it");
    second.kill();
    place.unused();
    assert!(
        !place.cluster().join("postmaster.pid").exists(),
        "it shut down in order"
    );

    let server = place.open();
    let mut connection = connect(&server.connect_options("postgres")).await;
    assert_eq!(text(&mut connection, "select n::text from kept").await, "7");
}

#[test]
fn a_killed_supervisor_is_replaced_by_the_next_program() {
    let place = Place::new();
    let holder = Holder::start(&place.data_dir);
    let watching = || {
        until(LIMIT, "a supervisor watches", || {
            supervisors(&place.data_dir).len() == 1
        });
        supervisors(&place.data_dir)[0]
    };
    let killed = watching();
    signal(killed, Signal::KILL);
    until(LIMIT, "the supervisor is gone", || {
        !supervisors(&place.data_dir).contains(&killed)
    });

    let server = place.open();
    assert_eq!(
        place.postmaster(),
        Some(holder.postmaster),
        "the server runs on"
    );
    assert_ne!(watching(), killed);
    drop((server, holder));
    place.unused();
}

#[tokio::test]
async fn a_killed_server_comes_back_while_it_is_used() {
    let place = Place::new();
    let server = place.open();
    let killed = place.postmaster().expect("it runs");
    signal(killed, Signal::KILL);
    until(LIMIT, "another postmaster runs", || {
        place.postmaster().is_some_and(|pid| pid != killed)
    });
    // Joins it once it is ready.
    drop(place.open());
    connect(&server.connect_options("postgres")).await;
}

#[tokio::test]
async fn a_crash_gives_no_number_of_a_new_table_out_twice() {
    let place = Place::new();
    let server = place.open();
    let mut connection = connect(&server.connect_options("postgres")).await;
    sqlx::raw_sql(
        "begin;
         create table numbered (id bigint generated always as identity primary key);
         insert into numbered default values;
         commit;
         insert into numbered default values",
    )
    .execute(&mut connection)
    .await
    .expect("a table");
    let killed = place.postmaster().expect("it runs");
    signal(killed, Signal::KILL);
    until(LIMIT, "another postmaster runs", || {
        place.postmaster().is_some_and(|pid| pid != killed)
    });
    drop(place.open());
    let mut connection = connect(&server.connect_options("postgres")).await;
    sqlx::query("insert into numbered default values")
        .execute(&mut connection)
        .await
        .expect("a number of its own");
}

/// Lock files of a dead server, whose process number now belongs to `pid`.
fn leave_lock_files(place: &Place, pid: u32) {
    let cluster = fs::canonicalize(place.cluster()).expect("a cluster");
    let run = cluster.with_file_name("run");
    let lines = format!(
        "{pid}\n{}\n1\n5432\n{}\n\n1 1\nready\n",
        cluster.display(),
        run.display()
    );
    let account = account();
    for path in [
        cluster.join("postmaster.pid"),
        run.join(".s.PGSQL.5432.lock"),
    ] {
        fs::write(&path, &lines).expect("a lock file");
        chown(&path, Some(account.uid), Some(account.gid)).expect("its owner");
    }
}

/// A process of the account that runs Postgres.
fn process_of_account(program: &str, argument: &str) -> Child {
    let account = account();
    let mut command = Command::new(program);
    command.arg(argument).current_dir("/");
    if is_root() {
        command.uid(account.uid).gid(account.gid);
    }
    command.spawn().expect("a process")
}

#[tokio::test]
async fn a_zombie_in_the_pid_file_is_dead() {
    let place = Place::new().created();
    let mut zombie = process_of_account("true", "");
    let stat = format!("/proc/{}/stat", zombie.id());
    if Path::new("/proc/self/stat").exists() {
        until(LIMIT, "it is a zombie", || {
            fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z "))
        });
    }
    leave_lock_files(&place, zombie.id());
    assert_eq!(place.postmaster(), None);
    let server = place.open();
    connect(&server.connect_options("postgres")).await;
    zombie.wait().expect("collected at last");
}

#[tokio::test]
async fn another_process_in_the_pid_file_is_not_the_server() {
    let place = Place::new().created();
    let mut other = process_of_account("sleep", "60");
    leave_lock_files(&place, other.id());
    assert_eq!(place.postmaster(), None);
    let server = place.open();
    connect(&server.connect_options("postgres")).await;
    other.kill().expect("stopping it");
    other.wait().expect("it ends");
}

#[tokio::test]
async fn a_long_path_gets_a_short_private_socket() {
    let place = Place::named(&"long-".repeat(40));
    let server = place.open();
    let dir = server.socket_dir();
    assert!(!dir.starts_with(&place.data_dir), "{}", dir.display());
    let found = fs::symlink_metadata(dir).expect("a directory");
    assert_eq!(found.permissions().mode() & 0o777, 0o700);
    connect(&server.connect_options("postgres")).await;
    let short = dir.to_path_buf();
    drop(server);
    place.unused();

    // What another user could have put there is refused.
    let permissions = fs::Permissions::from_mode(0o777);
    fs::set_permissions(&short, permissions).expect("opening it to all");
    let refused = place.settings().open().expect_err("open to all");
    assert!(
        matches!(&refused, LocalError::NotPrivate { dir, .. } if *dir == short),
        "{refused}"
    );
    fs::remove_dir_all(&short).expect("removing it");
    symlink(place.dir.path(), &short).expect("a link");
    let refused = place.settings().open().expect_err("a link");
    assert!(
        matches!(&refused, LocalError::NotPrivate { dir, .. } if *dir == short),
        "{refused}"
    );
    fs::remove_file(&short).expect("removing it");
}

#[tokio::test]
async fn the_environment_cannot_mislead_it() {
    let place = Place::new();
    let mut command = Holder::command(&place.data_dir);
    for name in ["LC_ALL", "LANG", "LC_CTYPE"] {
        command.env(name, "xx_XX.broken");
    }
    for name in ["PGHOST", "PGPORT", "PGDATA", "PGUSER", "PGOPTIONS", "PGTZ"] {
        command.env(name, "wrong");
    }
    let holder = Holder::run(&mut command);
    let server = place.open();
    assert_eq!(place.postmaster(), Some(holder.postmaster));
    let mut connection = connect(&server.connect_options("postgres")).await;
    assert_eq!(text(&mut connection, "select upper('ä')").await, "Ä");
    assert_eq!(text(&mut connection, "show timezone").await, "UTC");
}

#[test]
fn a_program_killed_while_it_creates_leaves_no_half_made_cluster() {
    let place = Place::new();
    let mut process = Holder::command(&place.data_dir).spawn().expect("a process");
    let making = || {
        fs::read_dir(&place.data_dir)
            .into_iter()
            .flatten()
            .flatten()
            .find(|entry| entry.path().join("PG_VERSION").exists())
    };
    until(LIMIT, "initdb is at work", || making().is_some());
    process.kill().expect("killing it");
    process.wait().expect("it ends");
    assert!(!place.cluster().exists() || place.cluster().join("global/pg_control").exists());
    drop(place.open());
    until(LIMIT, "what was left is gone", || {
        making().is_none_or(|entry| entry.path().ends_with("cluster"))
    });
}

#[test]
fn what_is_no_cluster_is_set_aside_not_removed() {
    let place = Place::new();
    fs::create_dir_all(place.cluster()).expect("a directory");
    fs::write(place.cluster().join("PG_VERSION"), "15\n").expect("a file");
    drop(place.open());
    let aside = place.data_dir.join("cluster.incomplete-1/PG_VERSION");
    assert_eq!(fs::read_to_string(aside).expect("kept"), "15\n");
}

#[test]
fn a_cluster_of_another_major_version_is_named() {
    let place = Place::new().created();
    fs::write(place.cluster().join("PG_VERSION"), "12\n").expect("a file");
    let refused = place.settings().open().expect_err("nobody has version 12");
    assert!(
        matches!(&refused, LocalError::OtherVersion { cluster: 12, found, .. } if !found.is_empty()),
        "{refused}"
    );
    let said = refused.to_string();
    assert!(said.contains("was made by Postgres 12"), "{said}");
}

#[test]
fn the_bundled_server_is_a_real_one() {
    let place = Place::new();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let bundled = Settings {
        choice: Choice::Bundled,
        ..place.settings()
    };
    let server = match bundled.open() {
        Ok(server) => server,
        Err(LocalError::NoPostgres { tried }) if !cfg!(feature = "bundled-postgres") => {
            assert_eq!(tried, "this program carries none");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    runtime.block_on(async {
        let mut connection = connect(&server.connect_options("postgres")).await;
        let version = text(&mut connection, "show server_version").await;
        assert!(version.starts_with("17."), "{version}");
        // What the schema stands on: procedures, partitions, full text, zones, digests.
        sqlx::raw_sql(
            "create table part (at timestamptz) partition by range (at);
             create table part_rest partition of part default;
             do $$ begin insert into part select now() from generate_series(1, 1000); end $$;",
        )
        .execute(&mut connection)
        .await
        .expect("statements");
        let zone = "select (timestamptz '2026-07-01 12:00Z' at time zone 'Europe/Berlin')::text";
        assert_eq!(text(&mut connection, zone).await, "2026-07-01 14:00:00");
        assert_eq!(
            text(
                &mut connection,
                "select to_tsvector('german', 'Häuser')::text"
            )
            .await,
            "'haus':1"
        );
        // Its timers are the supervisor's doing.
        let endless = async {
            connection
                .execute("set statement_timeout = 50; select pg_sleep(600)")
                .await
        };
        let ended = tokio::time::timeout(LIMIT, endless).await;
        let ended = ended
            .expect("it is ended in time")
            .expect_err("it is ended");
        assert!(ended.to_string().contains("statement timeout"), "{ended}");
    });

    // It recovers what was committed, and is found again without being asked for by name.
    signal(place.postmaster().expect("it runs"), Signal::KILL);
    drop(server);
    until(LIMIT, "it is gone", || place.postmaster().is_none());
    let server = place.open();
    runtime.block_on(async {
        let mut connection = connect(&server.connect_options("postgres")).await;
        assert_eq!(
            text(&mut connection, "select count(*)::text from part").await,
            "1000"
        );
    });
}

#[test]
fn a_directory_without_initdb_will_not_do() {
    let place = Place::new();
    let bin = place.dir.path().join("bin");
    fs::create_dir(&bin).expect("a directory");
    fs::write(bin.join("postgres"), "#!/bin/sh\n").expect("a file");
    fs::set_permissions(bin.join("postgres"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let refused = Settings {
        choice: Choice::Dir(bin.clone()),
        ..place.settings()
    }
    .open()
    .expect_err("no initdb");
    assert!(refused.to_string().contains("initdb"), "{refused}");

    // In PATH it is passed over, for one that is whole.
    let mut command = Holder::command(&place.data_dir);
    command.env(
        "PATH",
        std::env::join_paths([bin.as_os_str(), OsStr::new("/bin")]).expect("a path"),
    );
    Holder::run(&mut command);
}

// ---- root and others ----------------------------------------------------------------------------

#[test]
fn root_is_told_which_directory_is_closed() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let permissions = fs::Permissions::from_mode(0o700);
    fs::set_permissions(place.dir.path(), permissions).expect("closing it");
    let refused = place.settings().open().expect_err("closed");
    let closed = place.dir.path();
    assert!(
        matches!(&refused, LocalError::Unreachable { dir, .. } if dir == closed),
        "{refused}"
    );
}

#[test]
fn root_hands_the_server_to_an_account_and_keeps_its_own_files() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let _server = place.open();
    let owner = |path: &Path| fs::metadata(path).expect("it is there").uid();
    assert_ne!(owner(&place.cluster()), 0);
    for name in ["", "start.lock", "server.log"] {
        assert_eq!(owner(&place.data_dir.join(name)), 0, "{name:?}");
    }
    let status = fs::read_to_string(format!(
        "/proc/{}/status",
        place.postmaster().expect("runs")
    ));
    if let Ok(status) = status {
        let groups = status.lines().find_map(|line| line.strip_prefix("Groups:"));
        assert_eq!(groups.map(str::trim), Some(""), "none of root's groups");
    }
}

#[test]
fn a_narrow_umask_closes_nothing_that_postgres_needs() {
    let place = Place::new();
    let usual = Holder::command(&place.data_dir);
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", r#"umask 077; exec "$0" "$@""#])
        .arg(usual.get_program())
        .args(usual.get_args())
        .env(HOLD, &place.data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if cfg!(feature = "bundled-postgres") {
        command.env("PACKLINE_POSTGRES_BIN", "bundled");
    }
    Holder::run(&mut command);
}

#[test]
fn an_ordinary_user_has_one_too() {
    if !is_root() {
        // Then every other test here shows it.
        return;
    }
    let account = account();
    let place = Place::new();
    chown(place.dir.path(), Some(account.uid), Some(account.gid)).expect("its owner");
    // The build's own directory may be closed to that account.
    let copy = |from: &Path| {
        let to = place.dir.path().join(from.file_name().expect("a name"));
        fs::copy(from, &to).expect("a copy");
        to
    };
    let mut command = Holder::command(&place.data_dir);
    let program = copy(Path::new(command.get_program()));
    let arguments: Vec<_> = command.get_args().map(OsStr::to_owned).collect();
    command = Command::new(program);
    command
        .args(arguments)
        .env(HOLD, &place.data_dir)
        .env(
            "PACKLINE_TEST_PROGRAM",
            copy(Path::new(env!("CARGO_BIN_EXE_packline"))),
        )
        .env_remove("HOME")
        .current_dir("/")
        .uid(account.uid)
        .gid(account.gid)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let holder = Holder::run(&mut command);
    let owner = |path: &Path| fs::metadata(path).expect("it is there").uid();
    assert_eq!(owner(&place.data_dir.join("start.lock")), account.uid);
    assert_eq!(owner(&place.cluster()), account.uid);
    drop(holder);
}
