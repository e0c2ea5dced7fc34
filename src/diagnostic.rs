//! What is said to the user of an object that is broken or doubtful, and how an object is named.
//! A leaf: every room may report, nobody here knows a room.

use std::fmt;

use serde::Serialize;

/// The kind, namespace and name of a Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectRef {
    /// `IngressRoute`, `Service`, …; for a text that is no object, `File`.
    pub kind: String,
    /// The object's namespace; for `File`, the directory.
    pub namespace: String,
    /// The object's name; for `File`, the file's name.
    pub name: String,
}

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something asked for is not served: a route, a middleware, a certificate.
    Error,
    /// Served, but probably not as meant.
    Warning,
    /// Worth knowing.
    Info,
}

/// One finding on one object. The message says which value was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Diagnostic {
    /// How much it weighs.
    pub severity: Severity,
    /// A stable name for this kind of finding, such as `ServiceNotFound`; also the reason of Events.
    pub code: &'static str,
    /// The object at fault.
    pub object: ObjectRef,
    /// The field of the object, such as `spec.routes[0].match`; empty for the whole object.
    pub path: String,
    /// A sentence: what was found, and what would be accepted.
    pub message: String,
}

// === impl ObjectRef ===

impl ObjectRef {
    /// Names an object.
    pub fn new(kind: impl Into<String>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        ObjectRef { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

// === impl Diagnostic ===

impl Diagnostic {
    /// An error: something asked for is not served.
    pub fn error(code: &'static str, object: &ObjectRef, path: impl Into<String>, message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code,
            object: object.clone(),
            path: path.into(),
            message: message.into(),
        }
    }

    /// The same finding as a warning: served, but probably not as meant.
    pub fn warning(
        code: &'static str,
        object: &ObjectRef,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(code, object, path, message) }
    }

    /// The same finding as a remark.
    pub fn info(code: &'static str, object: &ObjectRef, path: impl Into<String>, message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Info, ..Self::error(code, object, path, message) }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        })
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}] {}", self.severity, self.code, self.object)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}
