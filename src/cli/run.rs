//! `ingora run`: serve what a configuration file says, until told to stop.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use ingora_middleware::Registry;
use pingora::server::configuration::Opt;

use super::inputs::read_config;
use super::logging;
use crate::control::server;

/// The environment's name of the Node that the pod runs on, as the manifests in `deploy` set it.
const NODE_NAME: &str = "NODE_NAME";

const EXAMPLES: &str = "\
Examples:
  ingora run --config conf/ingora.yaml
  Is the file good?
      ingora run --config conf/ingora.yaml --test
  Take over from a running process, then end that one:
      ingora run --config conf/ingora.yaml --upgrade & kill -QUIT OLD_PID

SIGTERM and SIGINT end it when running requests are done (entryPoints.*.transport.lifeCycle); a second one at once.";

/// What to serve, and Pingora's own flags.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration; conf/ingora.yaml lists every setting
    #[arg(long, short, alias = "conf", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take over the sockets of a running process, which must then be sent SIGQUIT
    #[arg(long, short)]
    pub upgrade: bool,
    /// Run in the background
    #[arg(long, short)]
    pub daemon: bool,
    /// Check the configuration and exit
    #[arg(long, short)]
    pub test: bool,
}

/// Serves until told to stop.
///
/// # Errors
/// When the configuration is missing or wrong, or what it says cannot be served.
pub fn run(args: Args, registry: Registry) -> anyhow::Result<ExitCode> {
    let hint = "no configuration: name one with --config FILE, or try `ingora quickstart`";
    let path = args.config.as_deref().context(hint)?;
    let mut config = read_config(path)?;
    if args.test {
        anstream::println!("{} is good", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    logging::start(&config.log)?;
    if let Ok(node) = std::env::var(NODE_NAME) {
        config.runs_on(&node);
    }
    let (server, run_args) = server(config, registry, args.opt())?;
    server.run(run_args);
    Ok(ExitCode::SUCCESS)
}

// === impl Args ===

impl Args {
    /// The same for Pingora. Without a path: the file is read already.
    pub fn opt(&self) -> Opt {
        Opt { upgrade: self.upgrade, daemon: self.daemon, test: self.test, ..Opt::default() }
    }
}
