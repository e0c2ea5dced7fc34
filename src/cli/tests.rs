//! Tests of the arguments: `run` is the default command, and every flag says what it is for.

#![allow(clippy::unwrap_used, clippy::panic)]

use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Command, clap::Error> {
    let cli = Cli::try_parse_from(["ingora"].into_iter().chain(line.split_whitespace()))?;
    Ok(cli.command.unwrap_or(Command::Run(cli.run)))
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn run_is_the_default_command() {
    for line in
        ["run --config a.yaml --upgrade --daemon", "--config a.yaml -u -d", "run -c a.yaml -d -u", "--conf a.yaml -ud"]
    {
        let Command::Run(args) = parse(line).unwrap() else { panic!("{line}") };
        assert_eq!(args.config.as_deref(), Some("a.yaml".as_ref()), "{line}");
        let opt = args.opt();
        assert!(opt.upgrade && opt.daemon && !opt.test && opt.conf.is_none(), "{line}");
    }
}

#[test]
fn commands_are_told_apart() {
    for (line, command) in [
        ("check --manifests m", "Check"),
        ("check --manifests m --config c --format json", "Check"),
        ("explain --manifests m --entry-point web http://a", "Explain"),
        ("crds", "Crds"),
        ("quickstart", "Quickstart"),
        ("run --test", "Run"),
        ("whoami --http :80", "Whoami"),
    ] {
        assert!(format!("{:?}", parse(line).unwrap()).starts_with(command), "{line}");
    }
}

#[test]
fn unusable_arguments_end_with_2() {
    for line in
        ["check", "chekc", "check --manifests", "check --manifests m --format xml", "--config a check", "-x", ""]
    {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
}

#[test]
fn every_argument_is_explained() {
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands().chain([&cli]) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
        }
    }
}
