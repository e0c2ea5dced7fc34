//! Real directories: what reading finds in them, and what watching makes of changes.

#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "these tests sleep on threads of their own, while the watch goes on")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::*;

fn map(name: &str, value: &str) -> String {
    raw(name, &format!("{value:?}"))
}

/// The value as YAML.
fn raw(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  v: {value}\n")
}

/// ConfigMaps as `name=value`.
fn maps(snapshot: &Snapshot) -> String {
    let value = |data: &Option<std::collections::BTreeMap<String, String>>| data.as_ref().unwrap()["v"].clone();
    let maps: Vec<_> = snapshot.config_maps.iter().map(|(_, name, m)| format!("{name}={}", value(&m.data))).collect();
    maps.join(" ")
}

fn codes(snapshot: &Snapshot) -> Vec<&'static str> {
    snapshot.findings.iter().map(|f| f.code).collect()
}

#[test]
fn reads_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("sub/deeper")).unwrap();
    for (name, text) in [
        ("a.yaml", map("a", "1") + "---\n" + &map("b", "1")),
        ("b.YML", map("c", "1")),
        (
            "sub/deeper/c.json",
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"d"},"data":{"v":"1"}}"#.into(),
        ),
        (".hidden.yaml", map("no", "1")),
        ("a.yaml~", map("no", "1")),
        ("#a.yaml#", map("no", "1")),
        ("readme.md", "no".into()),
        ("kustomization.yaml", "resources: [a.yaml]".into()),
    ] {
        fs::write(at(name), text).unwrap();
    }
    symlink(dir.path(), at("sub/loop")).unwrap();
    symlink(at("a.yaml"), at("z.yaml")).unwrap();
    symlink("#a.yaml#", at(".#a.yaml")).unwrap();
    let snapshot = read(dir.path()).unwrap();
    assert_eq!(maps(&snapshot), "a=1 b=1 c=1 d=1");
    assert_eq!(codes(&snapshot), Vec::<&str>::new());
    assert_eq!(maps(&read(at("b.YML")).unwrap()), "c=1");
}

#[test]
fn a_mounted_config_map_is_read_through_its_links() {
    let dir = mounted(&[("r.yaml", map("a", "1"))]);
    assert_eq!(maps(&read(dir.path()).unwrap()), "a=1");
    assert_eq!(maps(&read(dir.path().join("r.yaml")).unwrap()), "a=1");
}

/// A directory as the kubelet mounts a ConfigMap.
fn mounted(files: &[(&str, String)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("..1")).unwrap();
    symlink("..1", dir.path().join("..data")).unwrap();
    for (name, text) in files {
        fs::write(dir.path().join("..1").join(name), text).unwrap();
        symlink(Path::new("..data").join(name), dir.path().join(name)).unwrap();
    }
    dir
}

#[test]
fn unusable_paths_are_errors() {
    for path in ["", "/nonexistent/manifests"] {
        assert!(read(path).is_err(), "{path:?}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(codes(&read(empty.path()).unwrap()), ["NoManifests"]);
}

#[test]
fn findings_name_file_line_and_column() {
    let mirroring = "apiVersion: traefik.containo.us/v1alpha1\nkind: TraefikService\nmetadata:\n  name: mirror1\n\nspec:\n  \
        mirroring:\n    name: wrr1\n    kind: TraefikService\n     mirrors:\n       - name: svc2\n         port: 80\n";
    let good = map("a", "1") + "---\n";
    let cases = [
        (good.clone() + mirroring, "InvalidYaml", "line 17 column 13"),
        (good.clone() + "a:\n\t- b\n", "InvalidYaml", "line 9 column 1"),
        (good.clone() + "--- # next\r\nno: kind\r\n", "InvalidObject", "x.yaml:9)"),
        (good.clone() + &raw("b", "7"), "InvalidObject", "x.yaml:8)"),
        (good.clone() + "# comment\n\n" + &raw("b", "x\n  v: y"), "DuplicateKey", "x.yaml:10)"),
        (good + "x: \u{1}", "InvalidYaml", "control characters"),
    ];
    for (text, code, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.yaml"), &text).unwrap();
        let snapshot = read(dir.path()).unwrap();
        assert!(snapshot.config_maps.get("default", "a").is_some(), "{text}");
        let finding = snapshot.findings.iter().find(|f| f.code == code);
        let finding = finding.unwrap_or_else(|| panic!("{text}: {:?}", snapshot.findings));
        assert!(finding.message.contains(expected), "{text}: {}", finding.message);
        if code == "InvalidYaml" {
            assert_eq!(finding.object.name, "x.yaml");
            assert_eq!(Path::new(&finding.object.namespace), dir.path());
        }
    }
}

#[test]
fn odd_bytes_are_told() {
    let cases: [(&[u8], &str); 4] = [
        (b"a: \xff\n", "InvalidYaml"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "InvalidYaml"),
        (b"a: 1\n\0", "InvalidYaml"),
        (&[0xff, 0xfe, b'a', 0], "InvalidYaml"),
    ];
    for (bytes, code) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("x.yaml"), bytes).unwrap();
        assert_eq!(codes(&read(dir.path()).unwrap()), [code], "{bytes:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x.yaml"), [b"\xef\xbb\xbf".as_slice(), map("a", "1").as_bytes()].concat()).unwrap();
    File::create(dir.path().join("large.yaml")).unwrap().set_len(files::MAX_SIZE + 1).unwrap();
    symlink("nowhere", dir.path().join("dangling.yaml")).unwrap();
    let snapshot = read(dir.path()).unwrap();
    assert_eq!(maps(&snapshot), "a=1");
    assert_eq!(codes(&snapshot), ["UnreadableFile", "UnreadableFile"]);
    assert!(snapshot.findings[1].message.contains("64 MiB"), "{:?}", snapshot.findings);
}

#[test]
fn the_last_of_equal_objects_wins() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), map("a", "1")).unwrap();
    fs::write(dir.path().join("b.yaml"), map("a", "2") + "---\n" + &map("a", "3")).unwrap();
    let snapshot = read(dir.path()).unwrap();
    assert_eq!(maps(&snapshot), "a=3");
    assert_eq!(codes(&snapshot), ["DuplicateObject", "DuplicateObject"]);
    let message = &snapshot.findings[0].message;
    assert!(message.contains("/a.yaml") && message.contains("/b.yaml"), "{message}");
}

/// A watched path and the snapshots that come of it.
struct Watched {
    snapshots: Receiver<Arc<Snapshot>>,
    last: Option<Arc<Snapshot>>,
    _watch: Watch,
}

impl Watched {
    fn new(path: &Path, options: Options) -> Self {
        let (sender, snapshots) = channel();
        let watch = watch(path, options, move |snapshot| drop(sender.send(snapshot))).unwrap();
        Watched { snapshots, last: None, _watch: watch }
    }

    /// Waits for a snapshot of those ConfigMaps; gives how long it took.
    fn until(&mut self, expected: &str) -> Duration {
        let started = Instant::now();
        while self.last.as_ref().is_none_or(|s| maps(s) != expected) {
            match self.snapshots.recv_timeout(Duration::from_secs(8)) {
                Ok(snapshot) => self.last = Some(snapshot),
                Err(_) => panic!("no {expected:?}; last {:?}", self.last.as_ref().map(|s| maps(s))),
            }
        }
        started.elapsed()
    }

    /// Waits for a snapshot with that finding and those ConfigMaps.
    fn until_told(&mut self, code: &str, expected: &str) {
        loop {
            let snapshot = self.snapshots.recv_timeout(Duration::from_secs(8)).unwrap();
            self.last = Some(snapshot.clone());
            assert_eq!(maps(&snapshot), expected, "{:?}", snapshot.findings);
            if codes(&snapshot).contains(&code) {
                return;
            }
        }
    }

    /// Nothing may come for a while.
    fn quiet(&self) {
        if let Ok(snapshot) = self.snapshots.recv_timeout(Duration::from_millis(200)) {
            panic!("unexpected {:?} {:?}", maps(&snapshot), snapshot.findings);
        }
    }
}

#[test]
fn follows_files_being_created_changed_renamed_and_deleted() {
    for poll in [None, Some(Duration::from_millis(20))] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a.yaml"), map("a", "1")).unwrap();
        let mut watched = Watched::new(dir.path(), Options { poll });
        watched.until("a=1");
        fs::write(at("b.yaml"), map("b", "1")).unwrap();
        watched.until("a=1 b=1");
        for value in 2..10 {
            fs::write(at("a.yaml"), map("a", &format!("x{value}"))).unwrap();
            watched.until(&format!("a=x{value} b=1"));
        }
        // As editors save.
        fs::write(at(".a.yaml.tmp"), map("a", "z")).unwrap();
        fs::rename(at(".a.yaml.tmp"), at("a.yaml")).unwrap();
        watched.until("a=z b=1");
        fs::rename(at("b.yaml"), at("c.yaml")).unwrap();
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("sub/d.yaml"), map("d", "1")).unwrap();
        watched.until("a=z b=1 d=1");
        fs::write(at("sub/d.yaml"), map("d", "two")).unwrap();
        watched.until("a=z b=1 d=two");
        fs::remove_dir_all(at("sub")).unwrap();
        fs::remove_file(at("a.yaml")).unwrap();
        watched.until("b=1");
        // Nothing that counts.
        fs::write(at("readme.md"), "x").unwrap();
        fs::write(at(".c"), map("b", "1")).unwrap();
        fs::rename(at(".c"), at("c.yaml")).unwrap();
        watched.quiet();
    }
}

#[test]
fn serves_changes_fast_and_shares_what_did_not_change() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..500 {
        fs::write(dir.path().join(format!("{n}.yaml")), map(&format!("m{n}"), "v")).unwrap();
    }
    let mut watched = Watched::new(dir.path(), Options::default());
    let first = watched.snapshots.recv().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    fs::write(dir.path().join("0.yaml"), map("m0", "changed")).unwrap();
    let started = Instant::now();
    let second = watched.snapshots.recv_timeout(Duration::from_secs(8)).unwrap();
    // Far more than it takes: the machine may be busy.
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let get = |snapshot: &Snapshot, name| snapshot.config_maps.get("default", name).unwrap().clone();
    assert!(!Arc::ptr_eq(&get(&first, "m0"), &get(&second, "m0")));
    assert!(Arc::ptr_eq(&get(&first, "m1"), &get(&second, "m1")));
    watched.last = None;
    watched.quiet();
}

#[test]
fn broken_files_keep_what_they_served() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    fs::write(&file, map("a", "1") + "---\n" + &map("b", "1")).unwrap();
    let mut watched = Watched::new(dir.path(), Options::default());
    watched.until("a=1 b=1");
    // A document that YAML refuses: the whole file stays.
    fs::write(&file, map("a", "two") + "---\nb: [").unwrap();
    watched.until_told("KeptLastGood", "a=1 b=1");
    // Mended.
    fs::write(&file, map("a", "three") + "---\n" + &map("b", "three")).unwrap();
    watched.until("a=three b=three");
    assert_eq!(codes(watched.last.as_ref().unwrap()), Vec::<&str>::new());
    // An object that its kind refuses: that object stays.
    fs::write(&file, map("a", "four") + "---\n" + &raw("b", "[]")).unwrap();
    watched.until("a=four b=three");
    assert_eq!(codes(watched.last.as_ref().unwrap()), ["KeptLastGood", "InvalidObject"]);
    // Emptied on purpose.
    fs::write(&file, "").unwrap();
    watched.until("");
}

#[test]
fn a_broken_start_serves_what_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    fs::write(&file, map("a", "1") + "---\nb: [").unwrap();
    let mut watched = Watched::new(dir.path(), Options::default());
    watched.until("a=1");
    fs::write(&file, map("a", "two") + "---\nb: [").unwrap();
    watched.until("a=two");
}

#[test]
fn a_file_is_read_when_its_writer_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.yaml");
    fs::write(&path, map("a", "1") + "---\n" + &map("b", "1")).unwrap();
    let mut watched = Watched::new(dir.path(), Options::default());
    watched.until("a=1 b=1");
    let mut file = File::create(&path).unwrap(); // Empty now.
    std::thread::sleep(Duration::from_millis(50));
    file.write_all((map("a", "two") + "---\n").as_bytes()).unwrap(); // Whole documents, but not all.
    watched.quiet();
    file.write_all(map("b", "two").as_bytes()).unwrap();
    drop(file);
    watched.until("a=two b=two");
    // One that never closes is read all the same.
    let mut file = File::create(&path).unwrap();
    file.write_all(map("c", "1").as_bytes()).unwrap();
    watched.until("c=1");
}

#[test]
fn follows_a_swapped_config_map() {
    let dir = mounted(&[("r.yaml", map("a", "1"))]);
    let mut whole = Watched::new(dir.path(), Options::default());
    let mut single = Watched::new(&dir.path().join("r.yaml"), Options::default());
    whole.until("a=1");
    single.until("a=1");
    for turn in 2..5 {
        let version = format!("..{turn}");
        fs::create_dir(dir.path().join(&version)).unwrap();
        fs::write(dir.path().join(&version).join("r.yaml"), map("a", &format!("x{turn}"))).unwrap();
        symlink(&version, dir.path().join("..data_tmp")).unwrap();
        fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
        fs::remove_dir_all(dir.path().join(format!("..{}", turn - 1))).unwrap();
        for watched in [&mut whole, &mut single] {
            assert!(watched.until(&format!("a=x{turn}")) < Duration::from_secs(2));
        }
    }
}

#[test]
fn survives_the_directory_going_away() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("manifests");
    let mut watched = Watched::new(&dir, Options::default());
    watched.quiet(); // Nothing there yet.
    for turn in 1..4 {
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("a.yaml"), map("a", &format!("x{turn}"))).unwrap();
        watched.until(&format!("a=x{turn}"));
        fs::write(dir.join("a.yaml"), map("a", &format!("y{turn}"))).unwrap();
        assert!(watched.until(&format!("a=y{turn}")) < Duration::from_secs(2));
        fs::rename(&dir, base.path().join(format!("old{turn}"))).unwrap();
        watched.quiet(); // What was read stays.
    }
    // A link to a directory, switched over.
    for turn in 1..4 {
        symlink(format!("old{turn}"), base.path().join("next")).unwrap();
        fs::rename(base.path().join("next"), &dir).unwrap();
        assert!(watched.until(&format!("a=y{turn}")) < Duration::from_secs(2));
    }
    fs::write(base.path().join("old3/a.yaml"), map("a", "seen")).unwrap();
    assert!(watched.until("a=seen") < Duration::from_secs(2));
}

#[test]
fn a_panic_does_not_end_the_watching() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), map("a", "1")).unwrap();
    let (sender, received) = channel();
    let _watch = watch(dir.path(), Options::default(), move |snapshot| {
        sender.send(maps(&snapshot)).unwrap();
        assert!(maps(&snapshot) != "a=1", "on purpose");
    })
    .unwrap();
    assert_eq!(received.recv_timeout(Duration::from_secs(8)).unwrap(), "a=1");
    fs::write(dir.path().join("a.yaml"), map("a", "two")).unwrap();
    assert_eq!(received.recv_timeout(Duration::from_secs(8)).unwrap(), "a=two");
}
