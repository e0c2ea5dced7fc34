//! The command line: what can be asked for, and what each command answers with its exit code.
//! Knows every room; each command has a file with its arguments and a `run`.

pub mod check;
pub mod crds;
pub mod explain;
pub mod inputs;
mod logging;
mod paint;
pub mod quickstart;
pub mod run;
pub mod whoami;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use ingora_middleware::Registry;

/// What a process ends with when it could not do what was asked: bad arguments, unreadable files, no socket.
const UNUSABLE: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  A working example on this machine, with backends to try:
      ingora quickstart
  What is wrong with these manifests, and what they amount to:
      ingora check --manifests deploy/
  Which route answers this request, and why:
      ingora explain --manifests deploy/ --entry-point web http://example.com/
  Teach a cluster the custom resources:
      ingora crds | kubectl apply -f -
  Serve (`run` may be left out):
      ingora run --config conf/ingora.yaml

`ingora help COMMAND` tells more about a command.";

/// A Kubernetes ingress controller that serves Traefik's custom resources (IngressRoute, Middleware, TraefikService, …)
/// with Pingora's engine. It takes the objects from a cluster or from files, routes HTTP, TCP and UDP by them, and
/// follows their changes without dropping a request. `check` and `explain` answer offline what it would do.
#[derive(Debug, Parser)]
#[command(name = "ingora", version, after_help = EXAMPLES, max_term_width = 120, arg_required_else_help = true)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = false)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::Args,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default command)
    Run(run::Args),
    /// Tell what is wrong with manifests and what they amount to, without serving them
    Check(check::Args),
    /// Tell which route answers a request or connection, and why the others don't
    Explain(explain::Args),
    /// Print the definitions of the custom resources, for `kubectl apply -f -`
    Crds(crds::Args),
    /// Serve the whoami example on this machine, backends included
    Quickstart(quickstart::Args),
    /// Answer as traefik/whoami, whoamitcp and whoamiudp do: a backend to test with
    Whoami(whoami::Args),
}

/// Reads the arguments of the process and does what they ask for.
/// The filters that a configuration may use are those of the registry.
pub fn main(registry: Registry) -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => run::run(args, registry),
        Command::Check(args) => check::run(&args, registry),
        Command::Explain(args) => explain::run(&args, registry),
        Command::Crds(args) => crds::run(&args),
        Command::Quickstart(args) => quickstart::run(args, registry),
        Command::Whoami(args) => whoami::run(args).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        // Whoever reads our output had enough of it: `ingora check … | head`.
        let broken_pipe = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
        if error.downcast_ref().is_some_and(broken_pipe) {
            return ExitCode::SUCCESS;
        }
        anstream::eprintln!("{}error{:#}: {error:#}", paint::ERROR, paint::ERROR);
        ExitCode::from(UNUSABLE)
    })
}

#[cfg(test)]
mod tests;
