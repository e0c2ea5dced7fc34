//! `ingora explain`: which router gets a request or a connection, and why the others don't.
//! Asks the same table that serves. Its JSON is a fixed interface.

mod text;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::HOST, uri::Authority};
use ingora_middleware::Registry;

use super::inputs::{Format, Inputs};
use crate::config::{Config, Protocol};
use crate::proxy::request_path::PathRules;
use crate::routing::Table;
pub use crate::routing::explain::{Candidate, Explanation};
use crate::rule::{ConnectionView, RequestView, canonical_host, routing_path};

const EXAMPLES: &str = "\
Examples:
  ingora explain --manifests deploy/ --entry-point web http://example.com/api
  ingora explain -m deploy/ -e web --method POST -H 'X-Canary: 1' http://a.org/
  ingora explain -m deploy/ -e tcpep --sni db.example.com --alpn postgresql";

/// The request or connection asked about.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Manifests and configuration.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The entry point it comes in at
    #[arg(long, short, value_name = "NAME")]
    pub entry_point: String,
    /// The request's method
    #[arg(long, default_value = "GET", value_name = "METHOD")]
    pub method: Method,
    /// A header of the request; may be given several times
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The address it comes from
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    pub client_ip: IpAddr,
    /// Ask about a TCP connection instead: the server name of its TLS handshake, or '' for none
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub sni: Option<String>,
    /// A protocol that the TLS handshake offers; may be given several times
    #[arg(long, value_name = "PROTOCOL", requires = "sni", conflicts_with = "url")]
    pub alpn: Vec<String>,
    /// The request's URL; https means that it comes over TLS
    #[arg(value_name = "URL", required_unless_present = "sni", value_parser = url)]
    pub url: Option<Uri>,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// About a request.
    Http {
        /// It comes over TLS.
        tls: bool,
        /// The method.
        method: Method,
        /// The `Host` header's host and port, or the URL's.
        host: String,
        /// The path as it was sent.
        path: String,
        /// What follows the `?`, or empty.
        query: String,
        /// The headers given, without `Host`.
        headers: HeaderMap,
        /// Where it comes from.
        client_ip: IpAddr,
    },
    /// About a connection.
    Tcp {
        /// The server name of the handshake; empty for none.
        server_name: String,
        /// The protocols that the handshake offers.
        alpn: Vec<String>,
        /// Where it comes from.
        client_ip: IpAddr,
    },
}

/// Asks and prints. A request that no router gets is an answer too.
///
/// # Errors
/// When a file cannot be read, the configuration is wrong, or it has no such entry point.
pub fn run(args: &Args, registry: Registry) -> anyhow::Result<ExitCode> {
    let cooked = args.inputs.cook_with(registry, Some(&args.entry_point))?;
    let mut question = args.question()?;
    if let Some(entry_point) = cooked.recipe.config().entry_points.get(&args.entry_point) {
        question.clean(&PathRules::new(&entry_point.http))?;
    }
    let explanation = cooked.table.answer(args.entry_point(cooked.recipe.config())?, &question);
    let mut out = anstream::stdout().lock();
    write(&mut out, &explanation, args.inputs.format)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

impl Table {
    /// Asks the table as serving would.
    fn answer(&self, entry_point: usize, question: &Question) -> Explanation {
        match question {
            Question::Http { tls, method, host, path, query, headers, client_ip } => {
                let (host, path) = (canonical_host(host), routing_path(path));
                let method = method.as_str();
                let view = RequestView { host: &host, path: &path, method, headers, query, client_ip: *client_ip };
                self.explain(entry_point, *tls, &view)
            }
            Question::Tcp { server_name, alpn, client_ip } => {
                let alpn: Vec<&str> = alpn.iter().map(String::as_str).collect();
                let view = ConnectionView { server_name, alpn: &alpn, client_ip: *client_ip };
                self.explain_tcp(entry_point, &view)
            }
        }
    }
}

// === impl Question ===

impl Question {
    /// Cleans the target as serving does before it routes.
    ///
    /// # Errors
    /// When the entry point refuses such a target.
    fn clean(&mut self, rules: &PathRules) -> anyhow::Result<()> {
        let Question::Http { path, query, .. } = self else { return Ok(()) };
        let cleaned = rules.clean_target(path, Some(query));
        let (clean_path, clean_query) = cleaned.map_err(|why| anyhow!("the request is answered with 400: {why}"))?;
        let cleaned = (clean_path.into_owned(), clean_query.unwrap_or_default().into_owned());
        (*path, *query) = cleaned;
        Ok(())
    }
}

// === impl Args ===

impl Args {
    /// The question that the arguments put.
    ///
    /// # Errors
    /// When the request has no host.
    pub fn question(&self) -> anyhow::Result<Question> {
        let client_ip = self.client_ip;
        if let Some(server_name) = &self.sni {
            return Ok(Question::Tcp { server_name: server_name.clone(), alpn: self.alpn.clone(), client_ip });
        }
        let url = self.url.as_ref().context("a URL or --sni is needed")?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let host = match headers.remove(HOST) {
            Some(host) => host.to_str().context("the Host header is not text")?.to_owned(),
            None => url.authority().map(Authority::to_string).context("the URL has no host")?,
        };
        Ok(Question::Http {
            tls: url.scheme_str() == Some("https"),
            method: self.method.clone(),
            host,
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers,
            client_ip,
        })
    }

    /// The position of the entry point asked about.
    fn entry_point(&self, config: &Config) -> anyhow::Result<usize> {
        let name = self.entry_point.as_str();
        let position = config.tcp_entry_points().position(|(n, _)| n == name);
        let names = || config.entry_points.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (position, config.entry_points.get(name)) {
            (Some(position), _) => Ok(position),
            (None, Some(e)) if e.address.protocol == Protocol::Udp => {
                bail!("`{name}` is a UDP entry point: its one router gets everything")
            }
            (None, _) => bail!("there is no entry point `{name}`; there are: {}", names()),
        }
    }
}

/// A header as curl takes it.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write `Name: value`")?;
    let name = name.trim().parse().map_err(|_| format!("{name:?} is not a header's name"))?;
    let value = value.trim().parse().map_err(|_| "the value has characters that no header may have")?;
    Ok((name, value))
}

/// An absolute URL.
fn url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|e| format!("{e}"))?;
    match url.scheme_str() {
        Some("http" | "https") => Ok(url),
        _ => Err("write a whole URL, such as http://example.com/path".to_owned()),
    }
}

/// Writes the answer; text may hold colours.
///
/// # Errors
/// Those of the writer.
pub fn write(out: &mut impl Write, explanation: &Explanation, format: Format) -> io::Result<()> {
    match format {
        Format::Text => text::write(out, explanation),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, explanation)?;
            out.write_all(b"\n")
        }
    }
}

#[cfg(test)]
mod tests;
