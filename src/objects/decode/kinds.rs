//! The table of kinds that ingora reads: their API groups, their schemas, their typed decoders.
//! A new kind is one line here and one variant of [`Object`].

use std::sync::{Arc, LazyLock};

use ingora_crds::{
    IngressRoute, IngressRouteTCP, IngressRouteUDP, Middleware, MiddlewareTCP, ServersTransport, ServersTransportTCP,
    TLSOption, TLSStore, TraefikService,
};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::schemars::{JsonSchema, SchemaGenerator};
use kube::CustomResourceExt;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::schema::Schema;
use crate::objects::field::nearest;
use crate::objects::snapshot::VERSION;
use crate::objects::{Custom, Group, Object};

/// Why a value is not of its type: the field, and what was expected there.
pub(super) type Mismatch = serde_path_to_error::Error<serde_json::Error>;

/// A kind that ingora reads.
pub(super) struct Kind {
    /// As `kind` names it.
    pub name: &'static str,
    /// Its `apiVersion`; of a custom resource, `None`: both of Traefik's groups.
    pub api: Option<&'static str>,
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
    /// Checks a value before it is decoded.
    pub schema: LazyLock<Schema>,
    /// Makes the typed object.
    pub decode: fn(Group, Value) -> Result<Object, Mismatch>,
}

macro_rules! custom {
    ($kind:ident) => {
        Kind {
            name: stringify!($kind),
            api: None,
            namespaced: true,
            schema: LazyLock::new(custom_schema::<$kind>),
            decode: |group, value| Ok(Object::$kind(Custom { group, object: Arc::new(typed(value)?) })),
        }
    };
}

macro_rules! core {
    ($kind:ident, $api:literal, namespaced: $namespaced:literal) => {
        Kind {
            name: stringify!($kind),
            api: Some($api),
            namespaced: $namespaced,
            schema: LazyLock::new(core_schema::<$kind>),
            decode: |_, value| Ok(Object::$kind(Arc::new(typed(value)?))),
        }
    };
}

/// All kinds.
pub(super) static KINDS: [Kind; 15] = [
    custom!(IngressRoute),
    custom!(IngressRouteTCP),
    custom!(IngressRouteUDP),
    custom!(Middleware),
    custom!(MiddlewareTCP),
    custom!(TraefikService),
    custom!(TLSOption),
    custom!(TLSStore),
    custom!(ServersTransport),
    custom!(ServersTransportTCP),
    core!(Service, "v1", namespaced: true),
    core!(Secret, "v1", namespaced: true),
    core!(ConfigMap, "v1", namespaced: true),
    core!(Node, "v1", namespaced: false),
    core!(EndpointSlice, "discovery.k8s.io/v1", namespaced: true),
];

/// All kinds: the name, the `apiVersion` (of a custom resource, `None`: both of Traefik's groups), and whether they live in
/// a namespace.
pub fn kinds() -> impl Iterator<Item = (&'static str, Option<&'static str>, bool)> {
    KINDS.iter().map(|kind| (kind.name, kind.api, kind.namespaced))
}

/// What `apiVersion` and `kind` say.
pub(super) enum Recognised {
    /// A kind of ours, of that group.
    Kind(&'static Kind, Group),
    /// Somebody else's.
    Foreign,
    /// Probably meant for us, but misspelt: the code, the field and a sentence.
    Doubtful(&'static str, &'static str, String),
}

/// Looks an object's `apiVersion` and `kind` up.
pub(super) fn recognise(api: &str, kind: &str) -> Recognised {
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    if let Some(found) = Group::of(group) {
        if version != VERSION {
            let message = format!("no such version {api:?} of Traefik's resources: write {group}/{VERSION}");
            return Recognised::Doubtful("UnknownVersion", "apiVersion", message);
        }
        return match customs().find(|k| k.name == kind) {
            Some(kind) => Recognised::Kind(kind, found),
            None => unknown_kind(api, kind, nearest(kind, customs().map(|k| k.name))),
        };
    }
    if let Some(found) = KINDS.iter().find(|k| k.name == kind && k.api == Some(api)) {
        return Recognised::Kind(found, Group::TraefikIo);
    }
    let ours = KINDS.iter().find(|k| k.name == kind);
    // `Middleware` and `Service` are names that others use as well: only a near miss of the group counts there.
    let distinct = |k: &Kind| k.api.is_none() && k.name != "Middleware";
    let near_group = Group::ALL.iter().any(|g| strsim::osa_distance(group, g.name()) <= 2);
    let other_version = |k: &Kind| k.api.is_some_and(|a| a.split_once('/').map_or("", |(g, _)| g) == group);
    match ours {
        Some(k) if distinct(k) || k.api.is_none() && near_group => {
            let message = format!("no kind {kind} in {api:?}: write {}/{VERSION}", Group::TraefikIo.name());
            Recognised::Doubtful("UnknownVersion", "apiVersion", message)
        }
        Some(k) if other_version(k) => {
            let message = format!("{kind} is not read in version {api:?}: write {}", k.api.unwrap_or_default());
            Recognised::Doubtful("UnknownVersion", "apiVersion", message)
        }
        Some(_) => Recognised::Foreign,
        None => {
            let near =
                |k: &&Kind| k.name.len() > 4 && strsim::osa_distance(&k.name.to_lowercase(), &kind.to_lowercase()) <= 2;
            match KINDS.iter().filter(|k| k.api == Some(api)).find(near) {
                Some(k) => unknown_kind(api, kind, Some(k.name)),
                None => Recognised::Foreign,
            }
        }
    }
}

fn unknown_kind(api: &str, kind: &str, meant: Option<&str>) -> Recognised {
    let meant = meant.map_or_else(
        || format!("known: {}", customs().map(|k| k.name).collect::<Vec<_>>().join(", ")),
        |known| format!("did you mean {known}?"),
    );
    Recognised::Doubtful("UnknownKind", "kind", format!("no kind {kind:?} in {api}; {meant}"))
}

fn customs() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(|k| k.api.is_none())
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Mismatch> {
    serde_path_to_error::deserialize(value)
}

/// The schema of a CRD speaks of the spec; what stands around it is the same for all.
fn custom_schema<T: CustomResourceExt>() -> Schema {
    let crd = serde_json::to_value(T::crd()).unwrap_or_default();
    let schema = crd.pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap_or(&Value::Null);
    Schema::compile(schema, true)
        .with("apiVersion", Schema::string())
        .with("kind", Schema::string())
        .with("metadata", core_schema::<ObjectMeta>())
}

fn core_schema<T: JsonSchema>() -> Schema {
    Schema::compile(SchemaGenerator::default().into_root_schema_for::<T>().as_value(), false)
}
