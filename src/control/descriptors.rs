//! The limit of open files: every connection needs one or two, and the usual limit is made for other programs.

use log::{info, warn};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the process's limit to the most that it is allowed, as Go does for Traefik.
pub(super) fn raise_limit() {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((now, most)) if now < most => match setrlimit(Resource::RLIMIT_NOFILE, most, most) {
            Ok(()) => info!("{most} files may be open, instead of {now}"),
            Err(e) => warn!("only {now} files may be open: the limit can't be raised to {most}: {e}"),
        },
        Ok(_) => {}
        Err(e) => warn!("the limit of open files can't be read: {e}"),
    }
}
