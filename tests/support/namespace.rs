//! A network namespace for a test: the test binary runs that one test again, in a namespace with addresses on `lo` and no
//! way out. What runs in there can use fixed ports, and cannot send a packet to anyone else.

use std::fs;
use std::future::Future;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set in the process inside of the namespace.
const INSIDE: &str = "INGORA_TEST_NAMESPACE";

/// Whether this process is in a namespace that was made for its test. All of 10.77.0.0/16 is its own machine there.
pub fn is_isolated() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Runs a test in a network namespace of its own; to be called by the test's function, with all that it does.
pub fn isolated(test: impl Future<Output = ()>) {
    if is_isolated() {
        assert_no_way_out();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        return runtime.block_on(test);
    }
    // The name of the thread is the test's, unless tests run one at a time in the main thread.
    let name = std::thread::current().name().filter(|name| *name != "main").map(str::to_owned);
    let name =
        name.expect("tests in a namespace need --test-threads of two or more: their thread's name is the test's");
    let output = inside(&["--exact", &name, "--nocapture", "--test-threads", "1"]).output().unwrap_or_else(missing);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}, in its namespace:\n{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{name} did not run in its namespace:\n{stdout}\n{stderr}");
}

/// Gives the namespace more addresses: all of `10.42.0.1/16` is its own machine then, and `fd00::1/128` as well.
pub fn own_addresses(addresses: &[&str]) {
    assert!(is_isolated(), "addresses are for namespaces only");
    for address in addresses {
        // At once: nobody else could have an address of IPv6 here.
        let at_once = address.contains(':').then_some("nodad");
        let added = Command::new("ip").args(["addr", "add", address, "dev", "lo"]).args(at_once).status().unwrap();
        assert!(added.success(), "{address}: {added}");
    }
}

/// Says what names mean in the namespace, in lines of `/etc/hosts`; again, when they come to mean something else.
pub fn own_names(hosts: &str) {
    static MOUNTED: AtomicBool = AtomicBool::new(false);
    assert!(is_isolated(), "names are for namespaces only");
    if !MOUNTED.swap(true, Ordering::SeqCst) {
        // A file of its own there, which nobody outside sees.
        let file = tempfile::NamedTempFile::new().unwrap();
        let mounted = Command::new("mount").arg("--bind").arg(file.path()).arg("/etc/hosts").status().unwrap();
        assert!(mounted.success(), "{mounted}");
    }
    fs::write("/etc/hosts", hosts).unwrap();
}

/// The same for a program that is no test: runs itself again, and shows what it says.
#[allow(dead_code)] // benches/cluster.rs is that program.
pub fn alone(program: impl Future<Output = ()>) {
    if is_isolated() {
        return isolated(program);
    }
    let status = inside(&[]).status().unwrap_or_else(missing);
    assert!(status.success(), "{status}");
}

/// This program again, in a namespace of its own.
fn inside(arguments: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    if !is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--net", "--mount", "--kill-child", "sh", "-ec"])
        .arg("ip link set lo up; ip addr add 10.77.0.1/16 dev lo; exec \"$0\" \"$@\"")
        .arg(std::env::current_exe().unwrap())
        .args(arguments)
        .env(INSIDE, "1");
    command
}

fn missing<T>(error: std::io::Error) -> T {
    panic!("unshare (util-linux) is needed for a network namespace: {error}")
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|s| s.lines().any(|l| l.starts_with("Uid:\t0\t")))
}

/// The promise that no packet leaves: without a route there is nowhere to send it to.
fn assert_no_way_out() {
    let routes = fs::read_to_string("/proc/net/route").unwrap();
    assert_eq!(routes.lines().skip(1).count(), 0, "the namespace has routes:\n{routes}");
}
