//! The directions between the rooms, held by reading the sources: who may name whom, and what no pure room may name.
//! Also the shape of files. The rules are the tables here; `tests` tries each on bad samples, so that it can fail.

mod source;
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

/// A room of `src`, or one of the two crates beside it.
struct Room {
    name: &'static str,
    /// The rooms and crates that it may name; `room::item` allows that item only.
    knows: &'static [&'static str],
    /// What it must not name, from outside the workspace.
    bans: &'static [&'static [&'static str]],
}

/// What waits, asks the world or looks at a clock: no room that decides by its input alone may name it.
const WORLD: &[&str] = &[
    "tokio",
    "log",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "net::TcpListener",
    "net::TcpStream",
    "net::UdpSocket",
    "kube::Api",
    "kube::Client",
    "kube::Config",
    "kube::api",
    "kube::client",
    "kube::config",
    "kube::runtime",
    "pingora::server",
    "pingora_core::server",
    "Instant::now",
    "SystemTime::now",
    "time::SystemTime",
];

/// The engine and the cluster: filters see HTTP's types only.
const ENGINE: &[&str] = &["kube", "pingora", "pingora_core", "pingora_load_balancing", "pingora_proxy"];

/// objects → translate → dynamic ← routing ← proxy; `diagnostic` and `rule` are leaves; `control` ties the rooms,
/// and `cli` is what people start.
const ROOMS: &[Room] = &[
    Room { name: "ingora_crds", knows: &[], bans: &[WORLD, &["pingora", "pingora_http", "pingora_proxy"]] },
    Room { name: "ingora_middleware", knows: &["ingora_crds"], bans: &[ENGINE] },
    Room { name: "diagnostic", knows: &[], bans: &[WORLD, ENGINE] },
    Room { name: "persistent", knows: &[], bans: &[WORLD, ENGINE] },
    Room { name: "rule", knows: &["ingora_middleware::go_regex"], bans: &[WORLD, ENGINE] },
    Room { name: "objects", knows: &["diagnostic", "persistent", "ingora_crds"], bans: &[] },
    Room {
        name: "translate",
        knows: &["objects", "persistent", "dynamic", "diagnostic", "rule", "ingora_crds", "ingora_middleware"],
        bans: &[WORLD],
    },
    Room {
        name: "dynamic",
        knows: &["diagnostic", "persistent", "ingora_crds", "ingora_middleware"],
        bans: &[WORLD, ENGINE],
    },
    Room {
        name: "routing",
        knows: &[
            "dynamic",
            "balance",
            "config",
            "diagnostic",
            "persistent",
            "rule",
            "tls",
            "ingora_crds",
            "ingora_middleware",
        ],
        bans: &[WORLD],
    },
    Room { name: "tls", knows: &["dynamic"], bans: &[&["tokio", "kube", "pingora::server"]] },
    Room {
        name: "balance",
        knows: &["dynamic", "tls", "diagnostic", "ingora_crds"],
        bans: &[&["kube", "pingora::server"]],
    },
    Room { name: "observe", knows: &[], bans: &[WORLD, ENGINE] },
    Room {
        name: "proxy",
        knows: &[
            "routing",
            "balance",
            "config",
            "diagnostic",
            "observe",
            "rule",
            "tls",
            "ingora_crds",
            "ingora_middleware",
        ],
        bans: &[&["kube"]],
    },
    // Tells the cluster; the only ones who ask it anything are this room and `objects`.
    Room {
        name: "feedback",
        knows: &["objects", "observe", "diagnostic", "rule", "ingora_crds"],
        bans: &[&["pingora"]],
    },
    Room { name: "config", knows: &["translate::Options", "diagnostic", "rule", "ingora_crds"], bans: &[] },
    Room {
        name: "control",
        knows: &[
            "objects",
            "translate",
            "dynamic",
            "routing",
            "balance",
            "proxy",
            "feedback",
            "config",
            "diagnostic",
            "persistent",
            "observe",
            "rule",
            "tls",
            "ingora_crds",
            "ingora_middleware",
        ],
        bans: &[],
    },
    Room {
        name: "cli",
        knows: &[
            "control",
            "objects",
            "translate",
            "dynamic",
            "routing",
            "balance",
            "proxy",
            "feedback",
            "config",
            "diagnostic",
            "persistent",
            "rule",
            "tls",
            "ingora_crds",
            "ingora_middleware",
        ],
        bans: &[],
    },
    // The roots of the library, which only lists the rooms, and of the binary.
    Room { name: "lib", knows: &[], bans: &[WORLD, ENGINE] },
    Room { name: "main", knows: &["cli", "ingora_middleware"], bans: &[ENGINE] },
];

/// Where the project's Rust is.
const FOLDERS: [&str; 6] = ["src", "crds/src", "middleware/src", "tests", "examples", "benches"];

const MOST_LINES: usize = 600;

/// Names that say nothing of what a file holds.
const EMPTY_NAMES: [&str; 8] = ["common", "helper", "helpers", "manager", "misc", "mod", "util", "utils"];

#[test]
fn rooms_name_only_whom_they_may() {
    assert_none(sources().flat_map(|(file, text)| directions(&file, &text)));
}

#[test]
fn every_room_of_the_table_is_there() {
    let there: Vec<_> = sources().filter_map(|(file, _)| Some(module(&file)?.0)).collect();
    assert_none(ROOMS.iter().filter(|room| !there.iter().any(|name| name == room.name)).map(|room| room.name));
}

#[test]
fn files_have_a_head_a_size_and_a_name() {
    assert_none(sources().flat_map(|(file, text)| shape(&file, &text)));
}

fn assert_none<T: ToString>(violations: impl Iterator<Item = T>) {
    let list: Vec<_> = violations.map(|v| v.to_string()).collect();
    assert!(list.is_empty(), "\n  {}\n", list.join("\n  "));
}

/// What a file names against the rules.
fn directions(file: &str, text: &str) -> Vec<String> {
    let Some((own, modules)) = module(file) else { return Vec::new() };
    let Some(room) = ROOMS.iter().find(|room| room.name == own) else {
        return vec![format!("{file}: no room named {own}: give it a line in tests/layering.rs")];
    };
    let mut found = Vec::new();
    for path in source::paths(text) {
        if let Some(target) = target(&path, &own, modules)
            && target.first().is_some_and(|name| **name != own)
            && !room.knows.iter().any(|known| begins(target, known))
        {
            found.push(format!("{file}: {own} must not know {}", target.join("::")));
        }
        if let Some(ban) = room.bans.iter().copied().flatten().find(|ban| holds(&path, ban)) {
            found.push(format!("{file}: {own} must not name {ban}: {}", path.join("::")));
        }
    }
    found
}

/// The room of a file, and how deep its module is in the crate. `None` for files that no rule is about: tests.
fn module(file: &str) -> Option<(String, usize)> {
    let (krate, inner) = file.split_once("src/")?;
    let modules: Vec<_> = inner.strip_suffix(".rs")?.split('/').collect();
    if modules.iter().any(|name| matches!(*name, "tests" | "fixture")) {
        return None;
    }
    let room = match krate {
        "" => modules.first().copied()?,
        "crds/" => "ingora_crds",
        "middleware/" => "ingora_middleware",
        _ => return None,
    };
    Some((room.to_owned(), modules.len()))
}

/// The part of a path from a room or crate of the workspace on; `None` for other paths.
fn target<'p, 't>(path: &'p [&'t str], own: &str, modules: usize) -> Option<&'p [&'t str]> {
    let supers = path.iter().take_while(|name| **name == "super").count();
    match path.first().copied()? {
        "ingora_crds" | "ingora_middleware" => Some(path),
        "ingora" => path.get(1..),
        // Inside of the two crates there are no rooms.
        "crate" | "super" if own.starts_with("ingora_") => None,
        "crate" => path.get(1..),
        "super" if supers == modules => path.get(supers..),
        _ => None,
    }
}

fn begins(path: &[&str], with: &str) -> bool {
    let with: Vec<_> = with.split("::").collect();
    path.starts_with(&with)
}

/// Whether a path holds a banned one: a single name at its beginning, several anywhere.
fn holds(path: &[&str], ban: &str) -> bool {
    let ban: Vec<_> = ban.split("::").collect();
    match ban.as_slice() {
        // A lone name is more often a variable's.
        [one] => path.len() > 1 && path.first() == Some(one),
        several => path.windows(several.len()).any(|part| part == several),
    }
}

/// What is wrong with a file as such.
fn shape(file: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if !text.starts_with("//!") {
        found.push(format!("{file}: opens without //!: say what the file holds and where it stands in the flow"));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{file}: {lines} lines, {MOST_LINES} are the most: split it by idea"));
    }
    let name = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&name) {
        found.push(format!("{file}: a name that says nothing: name it after what it holds"));
    }
    found
}

/// Every Rust file of the project: its path from the root, and its text.
fn sources() -> impl Iterator<Item = (String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| list(&root.join(folder), &mut files));
    assert!(files.len() > 100, "only {} files found: where are the sources?", files.len());
    files.into_iter().map(move |file| {
        let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(&file).unwrap())
    })
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}
