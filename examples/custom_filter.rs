//! A filter of one's own, in a gateway of one's own: everything that `ingora` does, and `greet` beside the built-in filters.
//! `docs/filters.md` walks through it.
//!
//! ```yaml
//! apiVersion: traefik.io/v1alpha1
//! kind: Middleware
//! metadata:
//!   name: hello
//!   namespace: default
//! spec:
//!   plugin:
//!     greet:
//!       name: world
//! ```
//!
//! `cargo run --example custom_filter -- check --manifests DIRECTORY`

use std::process::ExitCode;

use ingora_middleware::{BadConfig, Fault, Filter, Kind, Registry, Reply, RequestCx, ResponseCx, Step};

/// What stands under `spec.plugin.greet`, and the filter itself: this one needs nothing prepared.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Greet {
    /// Whom to greet.
    name: String,
}

impl Kind for Greet {
    const NAME: &'static str = "greet";
    type Config = Self;

    fn build(config: Self) -> Result<impl Filter, BadConfig> {
        if !config.name.chars().all(|c| c.is_ascii_graphic()) || config.name.is_empty() {
            return Err(BadConfig::new("name", format!("{:?} can't be greeted: write a word", config.name)));
        }
        Ok(config)
    }
}

impl Filter for Greet {
    /// Answers `/hello` itself; anything else goes on to the server.
    fn request<'a>(&'a self, cx: &'a mut RequestCx<'_>) -> Step<'a> {
        match cx.path() {
            "/hello" => Step::reply(Reply::plain(200, format!("Hello, {}!\n", self.name))),
            _ => Step::NEXT,
        }
    }

    /// Signs every response, the server's and those of inner filters.
    fn response(&self, cx: &mut ResponseCx<'_>) -> Result<(), Fault> {
        cx.response.insert_header("X-Greeting", self.name.as_str()).map_err(Fault::internal)
    }
}

fn main() -> ExitCode {
    ingora::cli::main(Registry::built_in().plugin::<Greet>())
}

#[cfg(test)]
mod tests {
    use ingora_middleware::testing::Trial;

    use super::*;

    #[test]
    fn answers_hello_and_signs_the_rest() {
        let greet = || Greet { name: "world".to_owned() };
        let hello = Trial::get("/hello").run(greet());
        assert_eq!((hello.forwarded, hello.status(), hello.text().as_str()), (false, 200, "Hello, world!\n"));
        let other = Trial::get("/other").run(greet());
        assert_eq!((other.forwarded, other.got("X-Greeting").as_str()), (true, "world"));
    }

    #[test]
    fn greets_words_only() {
        for (name, good) in [("world", true), ("", false), ("two words", false)] {
            assert_eq!(Greet::build(Greet { name: name.to_owned() }).is_ok(), good, "{name:?}");
        }
    }
}
