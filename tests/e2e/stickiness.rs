//! Clients that keep their place by cookies: at each level, over changes, and where their place is gone.

use serde_json::json;

use crate::support::manifests::{service, slice};
use crate::support::{Backend, Gateway, Manifests, Message, object, route};

/// The example of Traefik's documentation: two services with a cookie, and a cookie for the servers of each.
fn two_levels(first: &[&Backend], second: &[&Backend]) -> Manifests {
    let level = "sticky: {cookie: {name: lvl2}}";
    route("r").to_service("wrr1").by("{kind: TraefikService, port: null}")
        + object(
            "TraefikService",
            "wrr1",
            &format!(
                "weighted: {{services: [{{name: whoami1, kind: Service, port: 80, weight: 1, {level}}}, \
                 {{name: whoami2, kind: Service, port: 80, weight: 1, {level}}}], sticky: {{cookie: {{name: lvl1}}}}}}"
            ),
        )
        + service("whoami1", first)
        + service("whoami2", second)
}

async fn ask(gateway: &Gateway, cookies: &str) -> Message {
    let line = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\n") };
    gateway.ask(&format!("GET / HTTP/1.1\nHost: a\n{line}\n")).await
}

/// The cookies that a response sets, as the client sends them.
fn cookies(reply: &Message) -> String {
    let set = reply.headers_named("Set-Cookie");
    set.iter().map(|cookie| cookie.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn each_level_has_its_cookie() {
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let gateway = Gateway::start(two_levels(&[a, b], &[c])).await;
    for _ in 0..4 {
        let first = ask(&gateway, "").await;
        let set = first.headers_named("Set-Cookie");
        assert!(set.len() == 2 && set.iter().all(|c| c.ends_with("; Path=/")), "{first:?}");
        let expected = if first.backend() == "c" { "b6c8057002125c73" } else { "05f749141bdebe7d" };
        assert!(cookies(&first).starts_with(&format!("lvl1={expected}; lvl2=")), "{first:?}");
        for _ in 0..4 {
            let again = ask(&gateway, &cookies(&first)).await;
            assert_eq!(again.backend(), first.backend());
            again.assert_no_header("Set-Cookie");
        }
    }
}

#[tokio::test]
async fn cookies_of_the_document_are_read_and_written_anew() {
    // Traefik 2.3 wrote names: curl -H Host:example.com -b "lvl1=default-whoami1-80; lvl2=http://10.42.0.6:80"
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let gateway = Gateway::start(two_levels(&[a, b], &[c])).await;
    for (backend, name) in [(a, "a"), (b, "b")] {
        let raw = format!("lvl1=default-whoami1-80; lvl2=http://{}", backend.address);
        let reply = ask(&gateway, &raw).await;
        assert_eq!(reply.backend(), name);
        let renewed = cookies(&reply);
        assert!(renewed.starts_with("lvl1=05f749141bdebe7d; lvl2=") && !renewed.contains("http"), "{renewed}");
        let again = ask(&gateway, &renewed).await;
        assert_eq!(again.backend(), name);
        again.assert_no_header("Set-Cookie");
    }
}

#[tokio::test]
async fn places_are_kept_over_changes_and_replaced_when_they_are_gone() {
    let [a, b, c, d] =
        &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await, Backend::named("d").await];
    let gateway = Gateway::start(two_levels(&[a, b], &[c])).await;
    let place = format!("lvl1=default-whoami1-80; lvl2=http://{}", a.address);
    let place = cookies(&ask(&gateway, &place).await);
    let marked = Backend::named("marked").await;
    let marker = |n: usize| route("marker").rule(&format!("Host(`marker{n}`)")).priority(99).to(&marked);
    for (n, more) in [vec![a, b, d], vec![a], vec![d, a]].iter().enumerate() {
        gateway.change(two_levels(more, &[c]) + marker(n));
        gateway.until(&format!("marker{n}"), "/", |reply| reply.backend() == "marked").await;
        assert_eq!(ask(&gateway, &place).await.assert_no_header("Set-Cookie").backend(), "a");
    }
    gateway.change(two_levels(&[b], &[c]) + marker(9));
    gateway.until("marker9", "/", |reply| reply.backend() == "marked").await;
    let moved = ask(&gateway, &place).await;
    assert_eq!(moved.backend(), "b");
    // The service stays; only its server is a new one.
    assert!(cookies(&moved).starts_with("lvl2=") && moved.headers_named("Set-Cookie").len() == 1, "{moved:?}");
}

#[tokio::test]
async fn terminating_servers_keep_their_clients_and_get_no_others() {
    let [a, b] = &[Backend::named("a").await, Backend::named("b").await];
    let sticky = |leaving: &Backend| {
        let conditions = json!({"ready": false, "serving": true, "terminating": true});
        route("r").to(b).by("sticky: {cookie: {name: c}}") + slice("r-0", 1, leaving, &conditions)
    };
    let gateway = Gateway::start(sticky(a)).await;
    for _ in 0..10 {
        assert_eq!(ask(&gateway, "").await.backend(), "b");
        let old = ask(&gateway, &format!("c=http://{}", a.address)).await;
        assert_eq!(old.backend(), "a");
        assert_eq!(ask(&gateway, &cookies(&old)).await.assert_no_header("Set-Cookie").backend(), "a");
    }
}

#[tokio::test]
async fn a_cookie_has_the_attributes_that_it_is_given() {
    let backend = Backend::echo().await;
    let cookie = "{secure: true, httpOnly: true, sameSite: strict, maxAge: 60, path: /app, domain: a.example}";
    let gateway = Gateway::start(
        route("given").rule("Host(`given`)").to(&backend).by(&format!("sticky: {{cookie: {cookie}}}"))
            + route("none").rule("Host(`none`)").to(&backend),
    )
    .await;
    let reply = gateway.get("given", "/").await;
    let set = reply.header("Set-Cookie").unwrap();
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/app; Domain=a.example; Max-Age=60; HttpOnly; Secure; SameSite=Strict");
    let (name, value) = pair.split_once('=').unwrap();
    assert!(name.len() == 6 && name.starts_with('_') && value.len() == 16, "{set}");
    gateway.get("none", "/").await.assert_no_header("Set-Cookie");
    for (cookie, expected) in [
        ("{}", "Path=/"),
        ("{sameSite: none, secure: true}", "Path=/; Secure; SameSite=None"),
        ("{sameSite: lax, httpOnly: true}", "Path=/; HttpOnly; SameSite=Lax"),
        ("{maxAge: -1, path: ''}", "Max-Age=0"),
        ("{maxAge: 0, domain: .a.example}", "Path=/; Domain=a.example"),
    ] {
        let by = format!("sticky: {{cookie: {cookie}}}");
        gateway.change(route("given").rule("Host(`given`)").to(&backend).by(&by));
        let has =
            |reply: &Message| reply.header("Set-Cookie").is_some_and(|set| set.split_once("; ").unwrap().1 == expected);
        gateway.until("given", "/", has).await;
    }
}

#[tokio::test]
async fn a_client_whose_server_refuses_gets_another_place() {
    let backend = Backend::named("up").await;
    let down = Backend::down();
    let gateway = Gateway::start(route("r").to_all(&[&backend, &down]).by("sticky: {cookie: {name: c}}")).await;
    let reply = ask(&gateway, &format!("c=http://{}", down.address)).await;
    assert_eq!(reply.backend(), "up");
    let again = ask(&gateway, &cookies(&reply)).await;
    assert_eq!(again.assert_no_header("Set-Cookie").backend(), "up");
}

#[tokio::test]
async fn a_cookie_that_is_no_text_takes_nothing_from_the_others() {
    let [a, b] = &[Backend::named("a").await, Backend::named("b").await];
    let gateway = Gateway::start(route("r").to_all(&[a, b]).by("sticky: {cookie: {name: c}}")).await;
    let first = ask(&gateway, "").await;
    for _ in 0..4 {
        let again = ask(&gateway, &format!("name=é; {}", cookies(&first))).await;
        assert_eq!(again.assert_no_header("Set-Cookie").backend(), first.backend());
    }
}

#[tokio::test]
async fn where_addresses_place_clients_there_are_no_cookies() {
    let [a, b] = &[Backend::named("a").await, Backend::named("b").await];
    let by = "{strategy: hrw, sticky: {cookie: {name: c}}}";
    let gateway = Gateway::start(route("r").to_all(&[a, b]).by(by)).await;
    let first = ask(&gateway, "").await;
    first.assert_no_header("Set-Cookie");
    for backend in [a, b] {
        let other = ask(&gateway, &format!("c=http://{}", backend.address)).await;
        assert_eq!(other.assert_no_header("Set-Cookie").backend(), first.backend());
    }
}

#[tokio::test]
async fn a_place_among_services_is_told_where_another_service_stood_in() {
    let main = Backend::replying("HTTP/1.1 500 No\nContent-Length: 0\n\n").await;
    let [fallback, other] = &[Backend::named("fallback").await, Backend::named("other").await];
    let weighted = "weighted: {services: [{name: f, kind: TraefikService, weight: 1}, \
                    {name: other, port: 80, weight: 1}], sticky: {cookie: {name: lvl1}}}";
    let failover = "failover: {service: {name: main, port: 80}, fallback: {name: fallback, port: 80, \
                    sticky: {cookie: {name: lvl2}}}, errors: {status: ['500']}}";
    let gateway = Gateway::start(
        route("r").to_service("w").by("{kind: TraefikService, port: null}")
            + object("TraefikService", "w", weighted)
            + object("TraefikService", "f", failover)
            + service("main", &[&main])
            + service("fallback", &[fallback])
            + service("other", &[other]),
    )
    .await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let first = ask(&gateway, "").await;
        let place = cookies(&first);
        let expected = if first.backend() == "fallback" { vec!["lvl1", "lvl2"] } else { vec!["lvl1"] };
        let names: Vec<_> = place.split("; ").map(|cookie| cookie.split('=').next().unwrap()).collect();
        assert_eq!(names, expected, "{first:?}");
        let again = ask(&gateway, &place).await;
        assert_eq!(again.assert_no_header("Set-Cookie").backend(), first.backend());
        seen.push(first.backend().to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["fallback", "other"]);
}

#[tokio::test]
async fn weights_siblings_and_other_routes_move_nobody() {
    let [a, b, c, d] =
        &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await, Backend::named("d").await];
    let marked = Backend::named("marked").await;
    let services = |n: usize, children: &str| {
        route("r").to_service("w").by("{kind: TraefikService, port: null}")
            + object(
                "TraefikService",
                "w",
                &format!("weighted: {{services: [{children}], sticky: {{cookie: {{name: lvl1}}}}}}"),
            )
            + service("x", &[a, b])
            + service("y", &[c])
            + service("z", &[d])
            + route("marker").rule(&format!("Host(`marker{n}`)")).priority(99).to(&marked)
    };
    let child = |name: &str, weight: u32| {
        format!("{{name: {name}, port: 80, weight: {weight}, sticky: {{cookie: {{name: lvl2}}}}}}")
    };
    let gateway = Gateway::start(services(0, &[child("x", 1), child("y", 1)].join(", "))).await;
    let mut places = Vec::new();
    for _ in 0..4 {
        let first = ask(&gateway, "").await;
        places.push((cookies(&first), first.backend().to_owned()));
    }
    for (n, children) in [
        vec![child("x", 1), child("y", 1)],
        vec![child("x", 5), child("y", 1)],
        vec![child("x", 1), child("y", 7)],
        vec![child("z", 100), child("y", 1), child("x", 1)],
    ]
    .iter()
    .enumerate()
    {
        gateway.change(services(n + 1, &children.join(", ")));
        gateway.until(&format!("marker{}", n + 1), "/", |reply| reply.backend() == "marked").await;
        for (place, name) in &places {
            assert_eq!(ask(&gateway, place).await.assert_no_header("Set-Cookie").backend(), name, "change {n}");
        }
    }
    // A service without a weight is none that a client could stay with.
    gateway.change(services(9, &[child("x", 0), child("y", 0), child("z", 1)].join(", ")));
    gateway.until("marker9", "/", |reply| reply.backend() == "marked").await;
    for (place, _) in &places {
        let moved = ask(&gateway, place).await;
        assert_eq!((moved.backend(), moved.headers_named("Set-Cookie").len()), ("d", 2));
        assert_eq!(ask(&gateway, &cookies(&moved)).await.assert_no_header("Set-Cookie").backend(), "d");
    }
}

#[tokio::test]
async fn a_client_whose_server_falls_ill_gets_another_place() {
    let ill = Backend::answering(|request| match request.target() {
        "/fail" => "HTTP/1.1 500 No\r\nX-Backend: ill\r\nContent-Length: 0\r\n\r\n".to_owned(),
        _ => "HTTP/1.1 200 OK\r\nX-Backend: ill\r\nContent-Length: 0\r\n\r\n".to_owned(),
    })
    .await;
    let well = Backend::named("well").await;
    let by = "{sticky: {cookie: {name: c}}, passiveHealthCheck: {failureWindow: 1h, maxFailedAttempts: 2}}";
    let gateway = Gateway::start(route("r").to_all(&[&ill, &well]).by(by)).await;
    let first = ask(&gateway, &format!("c=http://{}", ill.address)).await;
    let place = cookies(&first);
    let fail = format!("GET /fail HTTP/1.1\nHost: a\nCookie: {place}\n\n");
    // One failure is not enough.
    gateway.ask(&fail).await.assert_status(500);
    assert_eq!(ask(&gateway, &place).await.assert_no_header("Set-Cookie").backend(), "ill");
    gateway.ask(&fail).await.assert_status(500);
    gateway.logs("left alone").await;
    let moved = ask(&gateway, &place).await;
    assert_eq!((moved.backend(), moved.headers_named("Set-Cookie").len()), ("well", 1));
    assert_ne!(cookies(&moved), place);
    for _ in 0..4 {
        assert_eq!(ask(&gateway, &cookies(&moved)).await.assert_no_header("Set-Cookie").backend(), "well");
    }
}

#[tokio::test]
async fn a_service_is_drained_server_by_server() {
    let [a, b, c] = &[Backend::named("a").await, Backend::named("b").await, Backend::named("c").await];
    let marked = Backend::named("marked").await;
    let leaving = json!({"ready": false, "serving": true, "terminating": true});
    let state = |n: usize, ready: &[&Backend], terminating: &[&Backend]| {
        let slices = terminating
            .iter()
            .enumerate()
            .fold(Manifests::default(), |all, (i, backend)| all + slice("r-0", 10 + i, backend, &leaving));
        route("r").to_all(ready).by("sticky: {cookie: {name: c}}")
            + slices
            + route("marker").rule(&format!("Host(`marker{n}`)")).priority(99).to(&marked)
    };
    let gateway = Gateway::start(state(0, &[a, b], &[])).await;
    let mut changes = 0;
    let mut change = async |ready: &[&Backend], terminating: &[&Backend]| {
        changes += 1;
        gateway.change(state(changes, ready, terminating));
        let marked = |reply: &Message| reply.header("X-Backend") == Some("marked");
        gateway.until(&format!("marker{changes}"), "/", marked).await;
    };
    let place = |backend: &Backend| format!("c=http://{}", backend.address);
    let [at_a, at_b] = [cookies(&ask(&gateway, &place(a)).await), cookies(&ask(&gateway, &place(b)).await)];

    change(&[b], &[a]).await;
    for _ in 0..6 {
        assert_eq!(ask(&gateway, &at_a).await.assert_no_header("Set-Cookie").backend(), "a");
        assert_eq!(ask(&gateway, "").await.backend(), "b");
    }
    change(&[], &[a, b]).await;
    // Those who have a place keep it, and nobody else gets one.
    for (at, name) in [(&at_a, "a"), (&at_b, "b")] {
        assert_eq!(ask(&gateway, at).await.assert_no_header("Set-Cookie").backend(), name);
    }
    ask(&gateway, "").await.assert_status(503).assert_body("no available server\n").assert_no_header("Set-Cookie");
    ask(&gateway, &place(c)).await.assert_status(503);
    change(&[c], &[b]).await;
    assert_eq!(ask(&gateway, &at_b).await.assert_no_header("Set-Cookie").backend(), "b");
    let moved = ask(&gateway, &at_a).await;
    assert_eq!((moved.backend(), moved.headers_named("Set-Cookie").len()), ("c", 1));
}
