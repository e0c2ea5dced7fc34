//! The requests that feedback makes of the API server, each with a deadline, and what can come of them.

use std::collections::BTreeSet;
use std::time::Duration;

use ingora_crds::RouteStatus;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use kube::{Client, Error};
use serde_json::json;
use tokio::time::timeout;

use super::events::Write;
use super::subject::{Kind, Subject, VERSION};
use crate::objects::Group;

/// Who writes, for the API server's field managers and the Events.
const MANAGER: &str = "ingora";
/// What Events say was being done.
const ACTION: &str = "Serve";
/// No request may take longer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Objects of a page of a list.
const PAGE: u32 = 500;

/// Why a request failed, by what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// 404: the object, or the whole kind, is not there.
    NotFound,
    /// 409: it is there already, or somebody else wrote it meanwhile.
    Conflict,
    /// 401 or 403: not without another permission.
    Forbidden(String),
    /// The API server won't take it, however often it is sent.
    Refused(String),
    /// Later, perhaps.
    Busy(String),
}

/// The API server.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    /// Of the process, in Events.
    instance: String,
}

/// An object as a list has it, without what isn't asked.
pub(super) struct Listed {
    pub uid: String,
    pub status: RouteStatus,
}

// === impl Failure ===

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(status) => match status.code {
                404 => Failure::NotFound,
                409 => Failure::Conflict,
                401 | 403 => Failure::Forbidden(status.message),
                429 | 502..=504 => Failure::Busy(status.message),
                // 500 is an answer to what was sent, as often as not.
                _ => Failure::Refused(status.message),
            },
            other => Failure::Busy(other.to_string()),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::NotFound => f.write_str("not found"),
            Failure::Conflict => f.write_str("written by somebody else meanwhile"),
            Failure::Forbidden(message) | Failure::Refused(message) | Failure::Busy(message) => f.write_str(message),
        }
    }
}

async fn within<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match timeout(DEADLINE, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Failure::Busy(format!("no answer within {DEADLINE:?}"))),
    }
}

// === impl Server ===

impl Server {
    pub fn new(client: Client, instance: &str) -> Self {
        // The API server takes so many bytes.
        Server { client, instance: instance.chars().take(64).collect() }
    }

    /// The namespace that the process runs in.
    pub fn own_namespace(&self) -> &str {
        self.client.default_namespace()
    }

    /// The custom resources that have a status, as `ingressroutes.traefik.io`: discovery knows, and everybody may ask it.
    pub async fn kinds_with_status(&self) -> Result<BTreeSet<String>, Failure> {
        let mut found = BTreeSet::new();
        for group in Group::ALL {
            let version = format!("{}/{VERSION}", group.name());
            match within(self.client.list_api_group_resources(&version)).await {
                Ok(list) => found.extend(list.resources.iter().filter_map(|resource| {
                    Some(format!("{}.{}", resource.name.strip_suffix("/status")?, group.name()))
                })),
                Err(Failure::NotFound) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(found)
    }

    /// The statuses that objects of a kind have now, page by page.
    pub async fn statuses(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        mut take: impl FnMut(Listed),
    ) -> Result<(), Failure> {
        let api = self.custom(kind, namespace);
        let mut params = ListParams::default().limit(PAGE);
        loop {
            let list = within(api.list(&params)).await?;
            for object in list.items {
                let status = object.data.get("status").and_then(|status| serde_json::from_value(status.clone()).ok());
                if let (Some(uid), Some(status)) = (object.metadata.uid, status) {
                    take(Listed { uid, status });
                }
            }
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(()),
            }
        }
    }

    /// Writes the status of an object, unless it was deleted, or deleted and made anew.
    pub async fn write_status(&self, subject: &Subject, status: &RouteStatus) -> Result<(), Failure> {
        let api = self.custom(&subject.kind, Some(&subject.namespace));
        let patch = json!({
            "apiVersion": format!("{}/{VERSION}", subject.kind.group.name()),
            "kind": subject.kind.kind,
            "metadata": {"name": subject.name, "namespace": subject.namespace, "uid": subject.uid},
            "status": status,
        });
        let params = PatchParams::apply(MANAGER).force();
        within(api.patch_status(&subject.name, &params, &Patch::Apply(&patch))).await.map(drop)
    }

    /// Writes an Event, or one more time into its series. Returns how many times it counts, which is more than was asked
    /// for where another writer told it already.
    pub async fn write_event(&self, write: &Write, clock: Timestamp) -> Result<i32, Failure> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), write.note.namespace());
        let name = &write.note.name;
        if write.count > 1 {
            let series = EventSeries { count: write.count, last_observed_time: MicroTime(clock) };
            let patch = Patch::Merge(json!({"series": series}));
            match within(api.patch(name, &PatchParams::default(), &patch)).await {
                // It was told so long ago that the API server has dropped it.
                Err(Failure::NotFound) => {}
                answer => return answer.map(|_| write.count),
            }
        }
        match within(api.create(&PostParams::default(), &self.event(write, clock))).await {
            // Told by the writer before this one: a patch of nothing says how often.
            Err(Failure::Conflict) => {
                let nothing = Patch::Merge(json!({}));
                let event = within(api.patch(name, &PatchParams::default(), &nothing)).await?;
                Ok(event.series.map_or(1, |series| series.count))
            }
            answer => answer.map(|_| 1),
        }
    }

    fn event(&self, write: &Write, clock: Timestamp) -> Event {
        let note = &write.note;
        Event {
            metadata: ObjectMeta {
                name: Some(note.name.clone()),
                namespace: Some(note.namespace().to_owned()),
                ..ObjectMeta::default()
            },
            action: Some(ACTION.to_owned()),
            event_time: Some(MicroTime(clock)),
            note: Some(note.text.clone()),
            reason: Some(note.reason.to_owned()),
            regarding: Some(note.regarding.clone()),
            reporting_controller: Some(MANAGER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(if note.warning { "Warning" } else { "Normal" }.to_owned()),
            ..Event::default()
        }
    }

    /// The Lease, if there is one.
    pub async fn lease(&self, namespace: &str, name: &str) -> Result<Option<Lease>, Failure> {
        within(self.leases(namespace).get_opt(name)).await
    }

    /// Makes the Lease.
    pub async fn create_lease(&self, namespace: &str, lease: &Lease) -> Result<Lease, Failure> {
        within(self.leases(namespace).create(&PostParams::default(), lease)).await
    }

    /// Replaces the Lease, unless somebody else did since it was read.
    pub async fn replace_lease(&self, namespace: &str, name: &str, lease: &Lease) -> Result<Lease, Failure> {
        within(self.leases(namespace).replace(name, &PostParams::default(), lease)).await
    }

    fn leases(&self, namespace: &str) -> Api<Lease> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn custom(&self, kind: &Kind, namespace: Option<&str>) -> Api<DynamicObject> {
        let gvk = GroupVersionKind::gvk(kind.group.name(), VERSION, &kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, &kind.plural);
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}
