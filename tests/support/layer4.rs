//! Routes of TCP and UDP in the making, and servers that answer datagrams.
//! `tcp("db").rule("HostSNI(`*`)").to(&backend)`, `udp("dns").to(&datagrams)`

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::manifests::{document, yaml};
use super::{Backend, Manifests, ports, within};

/// An IngressRouteTCP or IngressRouteUDP with one route, and the Services that it names.
#[derive(Clone)]
pub struct Layer4Route {
    kind: &'static str,
    name: String,
    spec: Map<String, Value>,
    route: Map<String, Value>,
    services: Vec<Value>,
    objects: Manifests,
}

/// A TCP route for every connection without TLS, until it is told better.
pub fn tcp(name: &str) -> Layer4Route {
    Layer4Route::new("IngressRouteTCP", name, json!({"match": "HostSNI(`*`)"}))
}

/// A UDP route.
pub fn udp(name: &str) -> Layer4Route {
    Layer4Route::new("IngressRouteUDP", name, json!({}))
}

// === impl Layer4Route ===

// `to` is where connections go, not a conversion.
#[allow(clippy::wrong_self_convention)]
impl Layer4Route {
    fn new(kind: &'static str, name: &str, route: Value) -> Self {
        let Value::Object(route) = route else { unreachable!() };
        let (spec, services, objects) = (Map::new(), Vec::new(), Manifests::default());
        Layer4Route { kind, name: name.to_owned(), spec, route, services, objects }
    }

    pub fn rule(self, rule: &str) -> Self {
        self.with(&json!({"match": rule}).to_string())
    }

    /// Another part of the route, in YAML: `priority: 7`.
    pub fn with(mut self, part: &str) -> Self {
        let Value::Object(part) = yaml(part) else { panic!("{part}") };
        self.route.extend(part);
        self
    }

    /// Another part of the object, in YAML: `tls: {passthrough: true}`, `entryPoints: [web]`.
    pub fn spec(mut self, part: &str) -> Self {
        let Value::Object(part) = yaml(part) else { panic!("{part}") };
        self.spec.extend(part);
        self
    }

    pub fn middlewares(self, names: &[&str]) -> Self {
        let references: Vec<String> = names.iter().map(|name| format!("{{name: {name}}}")).collect();
        self.with(&format!("middlewares: [{}]", references.join(", ")))
    }

    /// A Service of its own with this backend.
    pub fn to(self, backend: &Backend) -> Self {
        self.at(&[backend.address])
    }

    /// A Service of its own with servers at these addresses.
    pub fn at(mut self, addresses: &[SocketAddr]) -> Self {
        let name = format!("{}-{}", self.name, self.services.len());
        let protocol = if self.kind == "IngressRouteUDP" { "UDP" } else { "TCP" };
        self.objects = self.objects
            + document(&json!({
                "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
                "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "protocol": protocol}]},
            }));
        for (i, address) in addresses.iter().enumerate() {
            self.objects = self.objects
                + document(&json!({
                    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                    "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
                    "metadata": {
                        "name": format!("{name}-{i}"), "namespace": "default",
                        "labels": {"kubernetes.io/service-name": name},
                    },
                    "ports": [{"name": "", "port": address.port(), "protocol": protocol}],
                    "endpoints": [{"addresses": [address.ip()], "conditions": {"ready": true}}],
                }));
        }
        self.services.push(json!({"name": name, "port": 80}));
        self
    }

    /// Says more about the last service: `weight: 3`.
    pub fn by(mut self, settings: &str) -> Self {
        let Value::Object(settings) = yaml(settings) else { panic!("{settings}") };
        let Some(Value::Object(service)) = self.services.last_mut() else { panic!("no service yet") };
        service.extend(settings);
        self
    }
}

impl From<Layer4Route> for Manifests {
    fn from(mut route: Layer4Route) -> Manifests {
        route.route.insert("services".to_owned(), route.services.into());
        route.spec.insert("routes".to_owned(), json!([route.route]));
        let metadata = json!({"name": route.name, "namespace": "default"});
        let (kind, spec) = (route.kind, route.spec);
        document(&json!({"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}))
            + route.objects
    }
}

impl<M: Into<Manifests>> Add<M> for Layer4Route {
    type Output = Manifests;
    fn add(self, more: M) -> Manifests {
        Manifests::from(self) + more
    }
}

/// A server that answers every datagram with `<its name> <the port it came from> <the datagram>`; `quiet` ones get nothing.
pub struct Datagrams {
    pub address: SocketAddr,
    received: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

// === impl Datagrams ===

impl Datagrams {
    pub async fn named(name: &str) -> Datagrams {
        Datagrams::on(name, ports::own_address().into()).await
    }

    pub async fn on(name: &str, ip: IpAddr) -> Datagrams {
        Datagrams::at(name, (ip, 0).into()).await
    }

    /// With the port of another one, as the servers of a Service have.
    pub async fn beside(other: &Datagrams, name: &str) -> Datagrams {
        Datagrams::at(name, (ports::own_address(), other.address.port()).into()).await
    }

    pub async fn at(name: &str, address: SocketAddr) -> Datagrams {
        let name = name.to_owned();
        Datagrams::answering(address, move |from, datagram| match datagram.starts_with(b"quiet") {
            true => None,
            false => Some([format!("{name} {} ", from.port()).as_bytes(), datagram].concat()),
        })
        .await
    }

    /// Sends every datagram back as it is.
    pub async fn mirror() -> Datagrams {
        Datagrams::answering((ports::own_address(), 0).into(), |_, datagram| Some(datagram.to_vec())).await
    }

    async fn answering(
        address: SocketAddr,
        answer: impl Fn(SocketAddr, &[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) -> Datagrams {
        let socket = UdpSocket::bind(address).await.unwrap();
        let address = socket.local_addr().unwrap();
        let received = Arc::new(AtomicUsize::new(0));
        let count = received.clone();
        let serving = tokio::spawn(async move {
            let mut buffer = vec![0; 65_536];
            loop {
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                if let Some(answer) = answer(from, &buffer[..length]) {
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Datagrams { address, received, serving }
    }

    pub fn received(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A client with a port of its own.
pub struct Asker(pub UdpSocket);

/// What a server of [`Datagrams`] answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub server: String,
    /// The port by which the server knows the client.
    pub port: u16,
    pub datagram: Vec<u8>,
}

// === impl Asker ===

impl Asker {
    pub async fn of(address: SocketAddr) -> Asker {
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { [0u16; 8].into() };
        let socket = UdpSocket::bind((any, 0)).await.unwrap();
        socket.connect(address).await.unwrap();
        Asker(socket)
    }

    pub async fn send(&self, datagram: impl AsRef<[u8]>) {
        let datagram = datagram.as_ref();
        assert_eq!(self.0.send(datagram).await.unwrap(), datagram.len());
    }

    pub async fn datagram(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_536];
        let length = within("an answer", self.0.recv(&mut buffer)).await.unwrap();
        buffer.truncate(length);
        buffer
    }

    pub async fn ask(&self, datagram: &str) -> Answer {
        self.send(datagram).await;
        Answer::of(&self.datagram().await)
    }

    /// Whether nothing is on its way.
    pub async fn is_silent(&self) -> bool {
        self.is_silent_for(Duration::from_millis(200)).await
    }

    /// Whether nothing comes for a while.
    pub async fn is_silent_for(&self, wait: Duration) -> bool {
        timeout(wait, self.0.recv(&mut [0; 16])).await.is_err()
    }
}

impl Answer {
    fn of(bytes: &[u8]) -> Answer {
        let mut parts = bytes.splitn(3, |b| *b == b' ');
        let mut next = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
        let (server, port) = (next(), next());
        let datagram = parts.next().unwrap_or_default().to_vec();
        Answer { server, port: port.parse().unwrap_or_else(|_| panic!("{bytes:?}")), datagram }
    }
}
