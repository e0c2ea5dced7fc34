//! Which condition each kind of finding speaks of. A table of all codes, held complete by a test that reads the sources.

use ingora_crds::status::{ACCEPTED, PROGRAMMED, RESOLVED_REFS};

/// What a finding calls in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Aspect {
    /// The object's own fields.
    Accepted,
    /// What it refers to: whether it exists, and may be referred to.
    ResolvedRefs,
    /// Neither, but whether it serves.
    Programmed,
}

use Aspect::{Accepted, Programmed, ResolvedRefs};

/// Said of a route of an ingress class that isn't ours: its status is somebody else's.
pub(super) const CLASS_NOT_SERVED: &str = "ClassNotServed";

/// All codes in alphabetical order.
const CODES: &[(&str, Aspect)] = &[
    ("BadOption", Accepted),
    ("BadRootCa", ResolvedRefs),
    ("BadSecretUrn", Accepted),
    ("BadUser", ResolvedRefs),
    ("CertResolverNotUsed", ResolvedRefs),
    ("CertificateInOtherStore", ResolvedRefs),
    ("CertificateNotUsed", ResolvedRefs),
    ("ChainCycle", ResolvedRefs),
    ("ChildRoute", Accepted),
    (CLASS_NOT_SERVED, Accepted),
    ("ConfigMapKeyMissing", ResolvedRefs),
    ("ConfigMapNotFound", ResolvedRefs),
    ("CrossNamespaceNotAllowed", ResolvedRefs),
    ("CrossProviderNotAllowed", ResolvedRefs),
    ("CyclicParents", ResolvedRefs),
    ("CyclicRoutes", ResolvedRefs),
    ("CyclicService", ResolvedRefs),
    ("Deprecated", Accepted),
    ("DuplicateDefault", Programmed),
    ("DuplicateGroup", Programmed),
    ("DuplicateKey", Accepted),
    ("DuplicateMatch", Accepted),
    ("DuplicateObject", Programmed),
    ("EmptyRule", Accepted),
    ("EntryPointTaken", Programmed),
    ("ExternalNameMissing", ResolvedRefs),
    ("ExternalNameNotAllowed", ResolvedRefs),
    ("FieldOfParent", Accepted),
    ("GeneratedName", Accepted),
    ("HealthCheckNotAllowed", ResolvedRefs),
    ("InvalidCertificate", ResolvedRefs),
    ("InvalidJson", Accepted),
    ("InvalidKind", Accepted),
    ("InvalidLabelSelector", Programmed),
    ("InvalidName", Accepted),
    ("InvalidObject", Accepted),
    ("InvalidPriority", Accepted),
    ("InvalidRedirection", Programmed),
    ("InvalidRule", Accepted),
    ("InvalidScheme", Accepted),
    ("InvalidStrategy", Accepted),
    ("InvalidYaml", Accepted),
    ("KeptLastGood", Programmed),
    ("KindMissing", Accepted),
    ("MiddlewareKeyCount", Accepted),
    ("MiddlewareNotFound", ResolvedRefs),
    ("MiddlewareTCPNotFound", ResolvedRefs),
    ("MiddlewareUnusable", ResolvedRefs),
    ("MiddlewaresIgnored", Accepted),
    ("MissingCipherSuite", Accepted),
    ("MoreFindings", Programmed),
    ("NamespaceIgnored", Accepted),
    ("NoAddress", Accepted),
    ("NoClientAuthority", ResolvedRefs),
    ("NoClusterIP", ResolvedRefs),
    ("NoEffect", Accepted),
    ("NoEndpointSlices", Programmed),
    ("NoEndpoints", Programmed),
    ("NoManifests", Programmed),
    ("NoService", Accepted),
    ("NoServiceKind", Accepted),
    ("NoServices", Accepted),
    ("NoUsers", ResolvedRefs),
    ("NodePortLBIgnored", Accepted),
    ("NodesNotFound", ResolvedRefs),
    ("NotPem", ResolvedRefs),
    ("ParentHasService", ResolvedRefs),
    ("ParentNotFound", ResolvedRefs),
    ("PortAssumed", Accepted),
    ("PortMissing", Accepted),
    ("PortNotDeclared", ResolvedRefs),
    ("PortNotFound", ResolvedRefs),
    ("RouterNameCollision", Programmed),
    ("SNIWithoutTLS", Accepted),
    ("SecretKeyCount", ResolvedRefs),
    ("SecretKeyEmpty", ResolvedRefs),
    ("SecretKeyMissing", ResolvedRefs),
    ("SecretNameMissing", Accepted),
    ("SecretNotFound", ResolvedRefs),
    ("SecretNotText", ResolvedRefs),
    ("ServersTransportNotFound", ResolvedRefs),
    ("ServersTransportTCPNotFound", ResolvedRefs),
    ("ServiceAndChildren", Accepted),
    ("ServiceMissing", Accepted),
    ("ServiceNameCollision", Programmed),
    ("ServiceNotFound", ResolvedRefs),
    ("ServiceUnusable", ResolvedRefs),
    ("SeveralServiceKinds", Accepted),
    ("StoreNotUsed", Programmed),
    ("StrategyDeprecated", Accepted),
    ("TLSOptionNotFound", ResolvedRefs),
    ("TLSOptionsConflict", Programmed),
    ("TLSOptionsUnusable", ResolvedRefs),
    ("TLSOptionsWithoutHost", Accepted),
    ("TLSStoreIgnored", Accepted),
    ("TlsVersionsCrossed", Accepted),
    ("TooManyLayers", ResolvedRefs),
    ("TraefikServiceNotFound", ResolvedRefs),
    ("UnknownEntryPoint", ResolvedRefs),
    ("UnknownField", Accepted),
    ("UnknownKind", Accepted),
    ("UnknownProvider", ResolvedRefs),
    ("UnknownTlsName", Accepted),
    ("UnknownVersion", Accepted),
    ("UnreadableFile", Programmed),
    ("UnusableUser", ResolvedRefs),
];

// === impl Aspect ===

impl Aspect {
    /// All, in the order in which they are told.
    pub const ALL: [Aspect; 3] = [Accepted, ResolvedRefs, Programmed];

    /// What a finding of that code calls in question; of a code that isn't in the table, whether it serves.
    pub fn of(code: &str) -> Self {
        let found = CODES.binary_search_by(|(name, _)| name.cmp(&code));
        found.ok().and_then(|i| CODES.get(i)).map_or(Programmed, |(_, aspect)| *aspect)
    }

    /// The type of the condition; also its reason where nothing is wrong.
    pub fn name(self) -> &'static str {
        match self {
            Accepted => ACCEPTED,
            ResolvedRefs => RESOLVED_REFS,
            Programmed => PROGRAMMED,
        }
    }
}

#[cfg(test)]
mod tests;
