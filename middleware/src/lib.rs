//! The phase filters of ingora: the [`Filter`] trait, the [`Chain`] that runs filters around a request,
//! the [`Registry`] that builds them from configuration, and the built-in ones, a file each.
//!
//! Start here to write a filter of your own: implement [`Filter`] and [`Kind`], register it by one line.
//!
//! ```
//! use ingora_middleware::{BadConfig, Fault, Filter, Kind, Registry, ResponseCx};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Greet {
//!     name: String,
//! }
//!
//! impl Filter for Greet {
//!     fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
//!         cx.response.insert_header("X-Greeting", self.name.as_str()).map_err(Fault::internal)
//!     }
//! }
//!
//! impl Kind for Greet {
//!     const NAME: &'static str = "greet";
//!     type Config = Self;
//!     fn build(config: Self) -> Result<impl Filter, BadConfig> {
//!         Ok(config)
//!     }
//! }
//!
//! let registry = Registry::built_in().plugin::<Greet>();
//! # drop(registry);
//! ```

pub mod around;
mod builtin;
pub mod chain;
mod client;
pub mod config;
mod expression;
pub mod filter;
mod go_regex;
mod header;
mod path;
pub mod registry;
pub mod reply;
pub mod testing;

pub use around::{Around, Attempt, Failure, Hold, Instead, Verdict};
pub use builtin::knows_hash;
pub use chain::{Chain, ChainState, Link};
pub use filter::{
    BoxFuture, Client, ClientTls, Fault, Filter, Flow, Notes, Progress, RequestCx, ResponseCx, Slot, Step,
};
pub use go_regex::go_regex;
pub use header::{FORWARDING, canonical};
pub use registry::{BadConfig, BuildError, Kind, Registry, wrong_options};
pub use reply::{Reply, status_text};
