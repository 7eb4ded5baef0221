//! Puts the demo's files into the program, and a Postgres.
//!
//! For the latter it finds the archive of a real Postgres that the package `pglite-rs-lib-<target>` carries, checks
//! its SHA-256, and hands it to `src/store/local/bundled.rs`.
//!
//! That package exports no path, so it is looked for where Cargo unpacks packages, and failing that
//! in the dependency files that Cargo wrote for its build script. `PACKLINE_POSTGRES_ARCHIVE` names
//! the file for a builder who keeps it elsewhere. Whatever is found must have the digest below, so
//! looking in the wrong place can only fail.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

const VERSION: &str = "0.2.7";

/// The folder of the demo.
const DEMO: &str = "assets/demo";

/// Cargo target, and the SHA-256 of its `lib/pglite-runtime.tar.zst`.
const ARCHIVES: [(&str, &str); 4] = [
    (
        "aarch64-apple-darwin",
        "d269fc00265ac02b776878ebc8576c7fe6ca5be3d1387e15d5aa969aeaec62ee",
    ),
    (
        "aarch64-unknown-linux-gnu",
        "43e7cb060965465db4eb79080d171f6b00f7e137d3aeba94f3c05de64cc805a9",
    ),
    (
        "x86_64-apple-darwin",
        "799a11b915d3dd17a8538ac2367e77834b9e198c6aabbce90b58d53ac9b4adb2",
    ),
    (
        "x86_64-unknown-linux-gnu",
        "e3fb68210df2e40e534a5db9886a4af5d56d4ef9ca30adeefd437069bda95073",
    ),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A new migration is no file that the compiler knows of yet.
    println!("cargo::rerun-if-changed=assets/migrations");
    println!("cargo::rerun-if-changed={DEMO}");
    println!("cargo::rerun-if-env-changed=PACKLINE_POSTGRES_ARCHIVE");

    let out_dir = PathBuf::from(variable("OUT_DIR"));
    let target = variable("TARGET");
    let wanted = ARCHIVES
        .iter()
        .find(|(name, _)| *name == target)
        .filter(|_| env::var_os("CARGO_FEATURE_BUNDLED_POSTGRES").is_some());

    let mut generated = String::from("/// The Postgres in this program, if it carries one.\n");
    match wanted {
        None => generated.push_str("pub(super) const ARCHIVE: Option<Archive> = None;\n"),
        Some((target, sha256)) => {
            let path = find_archive(target, &out_dir).unwrap_or_else(|| {
                panic!(
                    "lib/pglite-runtime.tar.zst of the package pglite-rs-lib-{target} {VERSION} was not found: \
                     name the file in PACKLINE_POSTGRES_ARCHIVE, or build with --no-default-features"
                )
            });
            check(&path, sha256);
            println!("cargo::rerun-if-changed={}", path.display());
            let path = path.to_str().expect("a path in UTF-8");
            write!(
                generated,
                "pub(super) const ARCHIVE: Option<Archive> = Some(Archive {{\n    \
                     bytes: include_bytes!({path:?}),\n    \
                     sha256: {sha256:?},\n\
                 }});\n"
            )
            .expect("writing to a String");
        }
    }
    fs::write(out_dir.join("archive.rs"), generated).expect("writing archive.rs");
    fs::write(out_dir.join("demo.rs"), demo_folder()).expect("writing demo.rs");
}

/// The files of the demo with their names in its folder, for `src/actions/demo/folder.rs`.
fn demo_folder() -> String {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR")).join(DEMO);
    let mut files = Vec::new();
    for folder in [root.clone(), root.join("mail")] {
        let entries =
            fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.retain(|path| path.is_file());
    files.sort();
    let mut generated = String::from(
        "/// The files of the demo that this program carries, by name.\n\
         const BUILT_IN: &[(&str, &[u8])] = &[\n",
    );
    for path in files {
        let name = path.strip_prefix(&root).expect("a file of the folder");
        let name = name.to_str().expect("a name in UTF-8");
        let path = path.to_str().expect("a path in UTF-8");
        writeln!(generated, "    ({name:?}, include_bytes!({path:?})),")
            .expect("writing to a String");
    }
    generated.push_str("];\n");
    generated
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("Cargo sets {name}"))
}

fn check(path: &Path, expected: &str) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found = String::new();
    for byte in Sha256::digest(&bytes) {
        write!(found, "{byte:02x}").expect("writing to a String");
    }
    assert!(
        found == expected,
        "{}: SHA-256 is {found}, expected {expected}",
        path.display()
    );
}

fn find_archive(target: &str, out_dir: &Path) -> Option<PathBuf> {
    if let Some(path) = env::var_os("PACKLINE_POSTGRES_ARCHIVE") {
        return Some(PathBuf::from(path));
    }
    in_registry(target)
        .or_else(|| in_dependency_files(target, out_dir))
        .and_then(|package| {
            let path = package.join("lib/pglite-runtime.tar.zst");
            path.is_file().then_some(path)
        })
}

/// `$CARGO_HOME/registry/src/<registry>/<package>-<version>`.
fn in_registry(target: &str) -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))?;
    fs::read_dir(home.join("registry/src"))
        .ok()?
        .flatten()
        .map(|registry| {
            registry
                .path()
                .join(format!("pglite-rs-lib-{target}-{VERSION}"))
        })
        .find(|package| package.is_dir())
}

/// With vendored or replaced sources the package can be anywhere; but it has a `links` key, so its
/// build script ran before this one, and `build/<package>-<hash>/*.d` lists that script's source.
fn in_dependency_files(target: &str, out_dir: &Path) -> Option<PathBuf> {
    let build = out_dir.ancestors().nth(2)?;
    let prefix = format!("pglite-rs-lib-{target}-");
    fs::read_dir(build)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .filter_map(|entry| fs::read_dir(entry.path()).ok())
        .flat_map(|files| files.flatten().map(|file| file.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "d"))
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|rules| {
            let script = rules
                .lines()
                .find_map(|line| line.strip_suffix("build.rs:"))?;
            // Cargo writes blanks in these files as `\ `.
            Some(PathBuf::from(script.replace("\\ ", " ")))
        })
}
