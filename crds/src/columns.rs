//! What `kubectl get` shows of the custom resources.
//! Part of the definitions that [`crd`](crate::crd) makes.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition as Column;

/// Shown with `-o wide` only.
const WIDE: i32 = 1;

/// The columns of a kind, after its name.
pub(crate) fn of(kind: &str) -> Vec<Column> {
    let mut columns = match kind {
        "IngressRoute" | "IngressRouteTCP" => vec![
            column("Hosts", ".status.hosts", "The hosts that the routes ask for"),
            column("Entry Points", ".spec.entryPoints", "The entry points named; all default ones if none is"),
            column("Routes", ".status.routes", "How many of the routes serve"),
            Column { priority: Some(WIDE), ..column("Rule", ".spec.routes[0].match", "The rule of the first route") },
        ],
        "IngressRouteUDP" => vec![
            column("Entry Points", ".spec.entryPoints", "The entry points named; all default ones if none is"),
            column("Routes", ".status.routes", "How many of the routes serve"),
        ],
        "ServersTransport" => vec![column("Server Name", ".spec.serverName", "The name that servers are asked for")],
        "TLSOption" => vec![column("Min Version", ".spec.minVersion", "The oldest version of TLS that is spoken")],
        "TLSStore" => vec![column(
            "Default Certificate",
            ".spec.defaultCertificate.secretName",
            "The Secret of the certificate that is shown where no other fits",
        )],
        _ => Vec::new(),
    };
    let of_condition =
        |field: &str| format!(".status.conditions[?(@.type==\"{}\")].{field}", crate::status::PROGRAMMED);
    columns.extend([
        column("Ready", &of_condition("status"), "Whether all that the object asks for is served"),
        Column { priority: Some(WIDE), ..column("Reason", &of_condition("reason"), "Why it is, or isn't") },
        Column { type_: "date".to_owned(), description: None, ..column("Age", ".metadata.creationTimestamp", "") },
    ]);
    columns
}

fn column(name: &str, json_path: &str, description: &str) -> Column {
    Column {
        name: name.to_owned(),
        type_: "string".to_owned(),
        json_path: json_path.to_owned(),
        description: Some(description.to_owned()),
        ..Column::default()
    }
}
