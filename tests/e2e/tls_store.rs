//! TLSStore `default`, and the Secrets that certificates come from: renewed, broken, emptied, deleted, and back.

use crate::support::certificates::{Authority, Issued, pair};
use crate::support::http2;
use crate::support::tls::Tls;
use crate::support::{Backend, Gateway, Manifests, object, route, within};

const TWO: &str = "{entryPoints: {websecure: {}}}";
const GENERATED: &str = "TRAEFIK DEFAULT CERT";

fn store(spec: &str) -> Manifests {
    object("TLSStore", "default", spec)
}

/// A gateway, and what it serves beside the objects of a test: a route that tells which of them are served.
struct Site {
    gateway: Gateway,
    backend: Backend,
    changes: usize,
}

impl Site {
    async fn start(objects: Manifests) -> Site {
        let backend = Backend::echo().await;
        let gateway = Gateway::configured(TWO, Site::with_routes(&backend, 0) + objects).await;
        Site { gateway, backend, changes: 0 }
    }

    fn with_routes(backend: &Backend, changes: usize) -> Manifests {
        route("mark").entry_point("web").rule(&format!("Path(`/{changes}`)")).to(backend)
            + route("secure").entry_point("websecure").tls("{}").to(backend)
    }

    /// Replaces the objects, and waits until that is served.
    async fn change(&mut self, objects: impl Into<Manifests>) {
        self.changes += 1;
        self.gateway.change(Site::with_routes(&self.backend, self.changes) + objects);
        self.gateway.until("a", &format!("/{}", self.changes), |reply| reply.status() == 200).await;
    }

    async fn connect(&self, name: &str) -> crate::support::tls::Secure {
        let client = Tls::to(name).alpn(&["h2", "http/1.1"]);
        client.connect(self.gateway.address("websecure")).await.unwrap_or_else(|e| panic!("{name:?}: {e}"))
    }

    async fn shown(&self, name: &str) -> Vec<u8> {
        self.connect(name).await.certificate()
    }
}

fn der(issued: &Issued) -> Vec<u8> {
    issued.certificate.to_der().unwrap()
}

#[tokio::test]
async fn the_default_certificate_follows_its_secret() {
    let authority = Authority::new("ca");
    let (first, second) = (authority.issue(&["fallback"]), authority.issue(&["fallback"]));
    let default = || store("{defaultCertificate: {secretName: fallback}}");
    let mut site = Site::start(default() + first.secret("fallback")).await;
    assert_eq!(site.shown("a.example").await, der(&first));
    assert_eq!(site.shown("").await, der(&first));
    let open = http2::over(site.connect("a.example").await.wire()).await;
    let idle = Tls::to("a.example").connect(site.gateway.address("websecure")).await.unwrap();
    assert_eq!(http2::get(&open, "https://a.example/").await.head.status, 200);

    site.change(default() + second.secret("fallback")).await;
    assert_eq!(site.shown("a.example").await, der(&second), "at once");
    // Connections that were there go on.
    assert_eq!(http2::get(&open, "https://a.example/").await.head.status, 200);
    assert_eq!(idle.get("a.example", "/").await, Ok(200));

    // What can't be used is told, and what was good stays: whatever else changes, too.
    let broken = [
        ("", "Secret default/fallback does not exist"),
        (&pair("fallback", "", "").0, "is empty"),
        (&pair("fallback", &first.certificate_pem(), &second.key_pem()).0, "the one before stays: tls.key"),
        (&pair("fallback", "nonsense", &second.key_pem()).0, "doesn't look like PEM"),
        ("", "Secret default/fallback does not exist"),
    ];
    for (secret, words) in broken {
        for _ in 0..2 {
            site.change(default() + secret).await;
            site.gateway.logs(words).await;
            assert_eq!(site.shown("a.example").await, der(&second), "{words}");
        }
    }
    site.change(default() + first.secret("fallback")).await;
    assert_eq!(site.shown("a.example").await, der(&first));
    // Where nothing names it any more, it goes.
    site.change(default()).await;
    site.change("").await;
    assert_eq!(site.connect("a.example").await.subject(), GENERATED);
    site.change(store("{}") + first.secret("fallback")).await;
    assert_eq!(site.connect("a.example").await.subject(), GENERATED);
    // And one that was never there is the generated one.
    site.change(default()).await;
    assert_eq!(site.connect("a.example").await.subject(), GENERATED);
}

#[tokio::test]
async fn a_store_shows_what_it_lists() {
    let authority = Authority::new("ca");
    let (a, b, fallback) = (authority.issue(&["a.example"]), authority.issue(&["b.example"]), authority.issue(&["f"]));
    let listing = |list: &str| store(&format!("{{defaultCertificate: {{secretName: f}}, certificates: [{list}]}}"));
    let secrets = || a.secret("a") + b.secret("b") + fallback.secret("f");
    let mut site = Site::start(listing("{secretName: a}, {secretName: gone}, {secretName: b}") + secrets()).await;
    site.gateway.logs("Secret default/gone does not exist").await;
    for (name, expected) in [("a.example", &a), ("b.example", &b), ("c.example", &fallback)] {
        assert_eq!(site.shown(name).await, der(expected), "{name}");
    }
    site.change(listing("{secretName: b}") + secrets()).await;
    for (name, expected) in [("a.example", &fallback), ("b.example", &b)] {
        assert_eq!(site.shown(name).await, der(expected), "{name}");
    }
    // Without its default certificate it is no store, and lists nothing; the certificate itself stays.
    for _ in 0..2 {
        site.change(listing("{secretName: a}, {secretName: b}") + a.secret("a")).await;
        for name in ["a.example", "c.example"] {
            assert_eq!(site.shown(name).await, der(&fallback), "{name}");
        }
    }
    // From the beginning, without it.
    let site = Site::start(listing("{secretName: a}") + a.secret("a")).await;
    assert_eq!(site.connect("a.example").await.subject(), GENERATED);
}

#[tokio::test]
async fn the_certificate_of_a_route_outlives_its_secret_but_not_its_route() {
    let authority = Authority::new("ca");
    let issued = authority.issue(&["a.example"]);
    let named = || {
        let rule = "Host(`a.example`) && Path(`/named`)";
        Manifests::from(route("named").entry_point("websecure").rule(rule).tls("{secretName: a}").to_service("mark-0"))
    };
    let mut site = Site::start(named() + issued.secret("a")).await;
    assert_eq!(site.shown("a.example").await, der(&issued));
    for secret in ["", &pair("a", "", "").0, ""] {
        site.change(named() + secret).await;
        assert_eq!(site.shown("a.example").await, der(&issued));
        assert_eq!(site.connect("a.example").await.subject(), "a.example");
    }
    site.change("").await;
    assert_eq!(site.connect("a.example").await.subject(), GENERATED);
    site.change(named()).await;
    assert_eq!(site.connect("a.example").await.subject(), GENERATED);
    let renewed = authority.issue(&["a.example"]);
    site.change(named() + renewed.secret("a")).await;
    assert_eq!(site.shown("a.example").await, der(&renewed));
}

#[tokio::test]
async fn of_two_stores_named_default_none_is_used() {
    let authority = Authority::new("ca");
    let (listed, fallback) = (authority.issue(&["a.example"]), authority.issue(&["fallback"]));
    let first = || {
        store("{defaultCertificate: {secretName: f}, certificates: [{secretName: a}]}")
            + fallback.secret("f")
            + listed.secret("a")
    };
    let mut site = Site::start(first()).await;
    assert_eq!(site.shown("b.example").await, der(&fallback));
    let second = "---\napiVersion: traefik.io/v1alpha1\nkind: TLSStore\n\
                  metadata: {name: default, namespace: other}\nspec: {}\n";
    site.change(first() + second).await;
    site.gateway.logs("DuplicateDefault").await;
    let generated = async { while site.connect("b.example").await.subject() != GENERATED {} };
    within("the generated certificate", generated).await;
    site.change(first()).await;
    assert_eq!(site.shown("b.example").await, der(&fallback));
}
