//! The report of `check` for people: findings by object, then a line per router.

use std::io::{self, Write};
use std::sync::Arc;

use super::Report;
use crate::cli::paint::{self, HEADING, plain};
use crate::diagnostic::{Diagnostic, Severity};
use crate::dynamic::http::Service;
use crate::dynamic::tcp::TcpService;
use crate::dynamic::udp::UdpService;

/// A line of the table: router, entry points, service, rule.
type Row = [String; 4];

/// Writes the report.
pub(super) fn write(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    diagnostics(out, report.diagnostics)?;
    table(out, "HTTP", http_rows(report))?;
    table(out, "TCP", tcp_rows(report))?;
    table(out, "UDP", udp_rows(report))?;
    summary(out, report)
}

fn diagnostics(out: &mut impl Write, diagnostics: &[Diagnostic]) -> io::Result<()> {
    for of_object in diagnostics.chunk_by(|a, b| a.object == b.object) {
        let Some(first) = of_object.first() else { continue };
        writeln!(out, "{HEADING}{}{HEADING:#}", plain(&first.object.to_string()))?;
        for diagnostic in of_object {
            let colour = paint::severity(diagnostic.severity);
            write!(out, "  {colour}{}[{}]{colour:#} ", diagnostic.severity, diagnostic.code)?;
            if !diagnostic.path.is_empty() {
                write!(out, "{}: ", plain(&diagnostic.path))?;
            }
            writeln!(out, "{}", plain(&diagnostic.message))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn table(out: &mut impl Write, protocol: &str, rows: Vec<Row>) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let heading = [format!("{protocol} ROUTER"), "ENTRY POINTS".into(), "SERVICE".into(), "RULE".into()];
    let width = |column: usize| {
        let cells = rows.iter().chain([&heading]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (w0, w1, w2) = (width(0), width(1), width(2));
    let line = |[a, b, c, d]: &Row| format!("{a:w0$}  {b:w1$}  {c:w2$}  {d}").trim_end().to_owned();
    writeln!(out, "{HEADING}{}{HEADING:#}", line(&heading))?;
    for row in &rows {
        writeln!(out, "{}", line(row))?;
    }
    writeln!(out)
}

fn summary(out: &mut impl Write, report: &Report<'_>) -> io::Result<()> {
    let configuration = report.configuration;
    let routers = configuration.http.routers.len() + configuration.tcp.routers.len() + configuration.udp.routers.len();
    let count = |severity| report.diagnostics.iter().filter(|d| d.severity == severity).count();
    let colour = if report.has_errors() { paint::ERROR } else { paint::GOOD };
    writeln!(
        out,
        "{colour}{}{colour:#}, {}, {}",
        plural(count(Severity::Error), "error"),
        plural(count(Severity::Warning), "warning"),
        plural(routers, "router"),
    )
}

fn http_rows(report: &Report<'_>) -> Vec<Row> {
    let http = &report.configuration.http;
    let row = |(name, router): (&Arc<str>, &crate::dynamic::http::Router)| {
        let what = http.services.get(&router.service).map(|service| match service {
            Service::LoadBalancer(s) => plural(s.servers.len(), "server"),
            Service::Weighted(s) => format!("weighted, {}", plural(s.services.len(), "service")),
            Service::HighestRandomWeight(s) => format!("by client, {}", plural(s.services.len(), "service")),
            Service::Mirroring(s) => plural(s.mirrors.len(), "mirror"),
            Service::Failover(_) => "failover".to_owned(),
        });
        [plain(name), entry_points(&router.entry_points), service(name, &router.service, what), plain(&router.rule)]
    };
    http.routers.iter().map(row).collect()
}

fn tcp_rows(report: &Report<'_>) -> Vec<Row> {
    let tcp = &report.configuration.tcp;
    let row = |(name, router): (&Arc<str>, &crate::dynamic::tcp::TcpRouter)| {
        let what = tcp.services.get(&router.service).map(|service| match service {
            TcpService::LoadBalancer(s) => plural(s.servers.len(), "server"),
            TcpService::Weighted(s) => format!("weighted, {}", plural(s.services.len(), "service")),
        });
        [plain(name), entry_points(&router.entry_points), service(name, &router.service, what), plain(&router.rule)]
    };
    tcp.routers.iter().map(row).collect()
}

fn udp_rows(report: &Report<'_>) -> Vec<Row> {
    let udp = &report.configuration.udp;
    let row = |(name, router): (&Arc<str>, &crate::dynamic::udp::UdpRouter)| {
        let what = udp.services.get(&router.service).map(|service| match service {
            UdpService::LoadBalancer(s) => plural(s.servers.len(), "server"),
            UdpService::Weighted(s) => format!("weighted, {}", plural(s.services.len(), "service")),
        });
        [plain(name), entry_points(&router.entry_points), service(name, &router.service, what), String::new()]
    };
    udp.routers.iter().map(row).collect()
}

fn entry_points(names: &[String]) -> String {
    if names.is_empty() { "(default)".to_owned() } else { plain(&names.join(",")) }
}

/// The service of a router; its name is left out where it is the router's own.
fn service(router: &str, name: &str, what: Option<String>) -> String {
    match what {
        Some(what) if name == router => what,
        Some(what) => format!("{} ({what})", plain(name)),
        None if name.is_empty() => "-".to_owned(),
        None if name.ends_with("@internal") => plain(name),
        None => format!("{} (missing)", plain(name)),
    }
}

/// `1 server`, `2 servers`.
fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
