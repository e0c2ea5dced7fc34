//! Objects that are not what their kind asks for, or refer to what is not there.

use super::expect;

/// An object of `traefik.io` with that spec.
fn custom(kind: &str, spec: &str) -> String {
    format!("apiVersion: traefik.io/v1alpha1\nkind: {kind}\nmetadata: {{name: bad}}\nspec: {spec}\n")
}

fn route(route: &str) -> String {
    custom("IngressRoute", &format!("{{entryPoints: [web], routes: [{route}]}}"))
}

#[test]
fn what_an_object_is_has_to_be_said() {
    let metadata = "metadata: {name: bad}";
    for (what, text, start, part) in [
        (
            "no apiVersion",
            format!("kind: IngressRoute\n{metadata}"),
            "error[InvalidObject] IngressRoute default/bad apiVersion",
            "it is missing",
        ),
        (
            "no kind",
            format!("apiVersion: v1\n{metadata}"),
            "error[InvalidObject] File DIR/bad.yaml kind",
            "it is missing",
        ),
        (
            "a number for a kind",
            format!("apiVersion: v1\nkind: 5\n{metadata}"),
            "error[InvalidObject] File DIR/bad.yaml kind",
            "found the number 5",
        ),
        (
            "a misspelt kind",
            format!("apiVersion: traefik.io/v1alpha1\nkind: IngressRout\n{metadata}"),
            "warning[UnknownKind] IngressRout default/bad kind",
            "did you mean IngressRoute?",
        ),
        (
            "a kind of nobody",
            format!("apiVersion: traefik.io/v1alpha1\nkind: Banana\n{metadata}"),
            "warning[UnknownKind] Banana default/bad kind",
            "known: IngressRoute, ",
        ),
        (
            "another version",
            format!("apiVersion: traefik.io/v1beta1\nkind: IngressRoute\n{metadata}"),
            "warning[UnknownVersion] IngressRoute default/bad apiVersion",
            "traefik.io/v1alpha1",
        ),
        (
            "another group",
            format!("apiVersion: traefk.io/v1alpha1\nkind: IngressRoute\n{metadata}"),
            "warning[UnknownVersion] IngressRoute default/bad apiVersion",
            "traefik.io/v1alpha1",
        ),
        (
            "no name",
            "apiVersion: v1\nkind: Service\nmetadata: {}\n".to_owned(),
            "error[InvalidObject] Service default/ metadata.name",
            "is required",
        ),
        (
            "a list for metadata",
            "apiVersion: v1\nkind: Service\nmetadata: []\n".to_owned(),
            "error[InvalidObject] Service default/ metadata:",
            "expected a mapping, found a list",
        ),
    ] {
        expect(what, "bad.yaml", text.as_bytes(), &[(start, part)]);
    }
}

#[test]
fn a_field_of_another_type_is_told_by_its_path() {
    let route = |text: &str| route(text);
    for (text, path, part) in [
        (custom("IngressRoute", "[]"), "spec", "expected a mapping, found a list"),
        (custom("IngressRoute", "{}"), "spec.routes", "is required, but missing"),
        (custom("IngressRoute", "{routes: null}"), "spec.routes", "is required, but missing"),
        (custom("IngressRoute", "{routes: {}}"), "spec.routes", "expected a list, found a mapping"),
        (
            custom("IngressRoute", "{routes: [], entryPoints: web}"),
            "spec.entryPoints",
            "expected a list, found \"web\"",
        ),
        (custom("IngressRoute", "{routes: [], tls: true}"), "spec.tls", "expected a mapping, found true"),
        (route("Host"), "spec.routes[0]", "expected a mapping, found \"Host\""),
        (route("{kind: Rule}"), "spec.routes[0].match", "is required, but missing"),
        (route("{match: 5}"), "spec.routes[0].match", "expected a string, found the number 5"),
        (route("{match: x, priority: high}"), "spec.routes[0].priority", "expected an integer, found \"high\""),
        (route("{match: x, priority: 1.5}"), "spec.routes[0].priority", "expected an integer, found the number 1.5"),
        (route("{match: x, kind: Regel}"), "spec.routes[0].kind", "accepted: Rule"),
        (route("{match: x, services: [whoami]}"), "spec.routes[0].services[0]", "expected a mapping, found \"whoami\""),
        (route("{match: x, services: [{port: 80}]}"), "spec.routes[0].services[0].name", "is required, but missing"),
        (
            route("{match: x, services: [{name: a, port: [80]}]}"),
            "spec.routes[0].services[0].port",
            "an integer or a string, found a list",
        ),
        (
            route("{match: x, services: [{name: a, port: 80.5}]}"),
            "spec.routes[0].services[0].port",
            "an integer or a string, found the number 80.5",
        ),
        (
            route("{match: x, services: [{name: a, port: 99999999999}]}"),
            "spec.routes[0].services[0].port",
            "99999999999",
        ),
        (route("{match: x, services: [{name: a, weight: -1}]}"), "spec.routes[0].services[0].weight", "0 or more"),
        (
            route("{match: x, services: [{name: a, kind: Pod}]}"),
            "spec.routes[0].services[0].kind",
            "accepted: Service, TraefikService",
        ),
        (
            route("{match: x, middlewares: [strip]}"),
            "spec.routes[0].middlewares[0]",
            "expected a mapping, found \"strip\"",
        ),
    ] {
        let start = format!("error[InvalidObject] IngressRoute default/bad {path}: ");
        expect(&text, "bad.yaml", text.as_bytes(), &[(&start, part)]);
    }
    for (kind, spec, path, part) in [
        ("Middleware", "{stripPrefix: {prefixes: /a}}", "spec.stripPrefix.prefixes", "expected a list, found \"/a\""),
        (
            "Middleware",
            "{rateLimit: {average: 1, period: soon}}",
            "spec.rateLimit.period",
            "\"soon\" is not a duration",
        ),
        ("Middleware", "{rateLimit: {average: 1, period: [1]}}", "spec.rateLimit.period", "an integer or a string"),
        (
            "Middleware",
            "{headers: {customRequestHeaders: [a]}}",
            "spec.headers.customRequestHeaders",
            "expected a mapping",
        ),
        ("TraefikService", "{weighted: {services: {name: a}}}", "spec.weighted.services", "expected a list"),
        ("TraefikService", "{mirroring: {mirrors: []}}", "spec.mirroring.name", "is required, but missing"),
        (
            "TLSOption",
            "{clientAuth: {clientAuthType: Always}}",
            "spec.clientAuth.clientAuthType",
            "accepted: NoClientCert",
        ),
        ("IngressRouteTCP", "{routes: [{services: []}]}", "spec.routes[0].match", "is required, but missing"),
        ("IngressRouteUDP", "{}", "spec.routes", "is required, but missing"),
        (
            "ServersTransport",
            "{forwardingTimeouts: {dialTimeout: 1 second}}",
            "spec.forwardingTimeouts.dialTimeout",
            "does not match",
        ),
    ] {
        let text = custom(kind, spec);
        let start = format!("error[InvalidObject] {kind} default/bad {path}: ");
        expect(&text, "bad.yaml", text.as_bytes(), &[(&start, part)]);
    }
    for (text, start, part) in [
        (
            "kind: Service\nmetadata: {name: a}\nspec: {ports: 80}",
            "Service default/a spec.ports",
            "expected a list, found the number 80",
        ),
        (
            "kind: Service\nmetadata: {name: a}\nspec: {ports: [{port: eighty}]}",
            "Service default/a spec.ports[0].port",
            "expected an integer",
        ),
        ("kind: Secret\nmetadata: {name: a}\ndata: {a: '%'}", "Secret default/a data.a", "base64"),
        (
            "kind: Secret\nmetadata: {name: a}\ndata: {a: 5}",
            "Secret default/a data.a",
            "expected a string, found the number 5",
        ),
        (
            "kind: ConfigMap\nmetadata: {name: a}\ndata: {a: {}}",
            "ConfigMap default/a data.a",
            "expected a string, found a mapping",
        ),
    ] {
        let text = format!("apiVersion: v1\n{text}\n");
        expect(&text, "bad.yaml", text.as_bytes(), &[(&format!("error[InvalidObject] {start}"), part)]);
    }
}

#[test]
fn every_wrong_field_of_an_object_is_told() {
    let text = route("{match: 5, priority: high, services: [{port: 80}]}");
    let at = "error[InvalidObject] IngressRoute default/bad spec.routes[0]";
    expect(
        "three mistakes",
        "bad.yaml",
        text.as_bytes(),
        &[
            (&format!("{at}.match"), "expected a string"),
            (&format!("{at}.priority"), "expected an integer"),
            (&format!("{at}.services[0].name"), "is required"),
        ],
    );
}

#[test]
fn what_is_not_there_is_told_by_whoever_needs_it() {
    let rule = "match: Host(`bad.example`)";
    let route = |rest: &str| route(&format!("{{{rule}, {rest}}}"));
    let at = "IngressRoute default/bad spec.routes[0]";
    for (text, told) in [
        (
            route("services: [{name: gone, port: 80}]"),
            vec![(format!("error[ServiceNotFound] {at}.services[0].name"), "create it, or correct the name")],
        ),
        (
            route("services: [{name: good, port: 81}]"),
            vec![(format!("error[PortNotFound] {at}.services[0].port"), "it has 80 (web)")],
        ),
        (
            route("services: [{name: good}]"),
            vec![(format!("error[PortMissing] {at}.services[0].port"), "it has 80 (web)")],
        ),
        (
            route("services: [{name: gone, kind: TraefikService}]"),
            vec![
                (format!("error[TraefikServiceNotFound] {at}.services[0].name"), "default/gone does not exist"),
                (format!("error[ServiceUnusable] {at}.services"), "\"default-gone\" does not exist"),
            ],
        ),
        (
            route("middlewares: [{name: gone}], services: [{name: good, port: 80}]"),
            vec![
                (format!("error[MiddlewareNotFound] {at}.middlewares[0].name"), "default/gone does not exist"),
                (format!("error[MiddlewareUnusable] {at}.middlewares"), "default-gone"),
            ],
        ),
        (
            custom(
                "IngressRoute",
                &format!("{{routes: [{{{rule}, services: [{{name: good, port: 80}}]}}], tls: {{secretName: gone}}}}"),
            ),
            vec![(
                "error[SecretNotFound] IngressRoute default/bad spec.tls.secretName".to_owned(),
                "default/gone does not exist",
            )],
        ),
        (
            custom("Middleware", "{basicAuth: {secret: gone}}"),
            vec![(
                "error[SecretNotFound] Middleware default/bad spec.basicAuth.secret".to_owned(),
                "default/gone does not exist",
            )],
        ),
        (
            custom("Middleware", "{addPrefix: {prefix: /a}, stripPrefix: {prefixes: [/b]}}"),
            vec![("error[MiddlewareKeyCount] Middleware default/bad spec".to_owned(), "addPrefix and stripPrefix")],
        ),
        (
            custom("TraefikService", "{}"),
            vec![("error[NoServiceKind] TraefikService default/bad spec".to_owned(), "set one of weighted, mirroring")],
        ),
        (
            custom("IngressRouteUDP", "{entryPoints: [udp], routes: [{services: [{name: gone, port: 80}]}]}"),
            vec![(
                "error[ServiceNotFound] IngressRouteUDP default/bad spec.routes[0].services[0].name".to_owned(),
                "default/gone",
            )],
        ),
        (
            custom(
                "IngressRouteTCP",
                "{entryPoints: [web], routes: [{match: HostSNI(`a.example`), services: [{name: good, port: 80}]}]}",
            ),
            vec![("error[SNIWithoutTLS] IngressRouteTCP default/bad spec.routes[0].match".to_owned(), "add `tls: {}`")],
        ),
    ] {
        let told: Vec<(&str, &str)> = told.iter().map(|(start, part)| (start.as_str(), *part)).collect();
        expect(&text, "bad.yaml", text.as_bytes(), &told);
    }
}
