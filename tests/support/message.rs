//! An HTTP/1 message, request or response, as it was on the wire, and what tests say about it.

use std::fmt;

#[derive(Clone, Default)]
pub struct Message {
    /// The head as it came, without the empty line.
    pub head: String,
    /// The first line.
    pub start: String,
    /// Names as they came, and values.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, String)>,
}

// === impl Message ===

impl Message {
    /// Takes a head apart; it ends with an empty line.
    pub fn parse(head: &[u8]) -> Message {
        let head = String::from_utf8_lossy(head).trim_end_matches("\r\n").to_owned();
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines.map(header).collect();
        Message { start, headers, head, ..Message::default() }
    }

    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("no status: {self:?}"))
    }

    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header that is there at most once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers_named(name);
        assert!(values.len() <= 1, "{name} is there {} times: {self:?}", values.len());
        values.first().copied()
    }

    pub fn headers_named(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// Whether a list header has a token.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.headers_named(name).iter().any(|v| v.split(',').any(|t| t.trim().eq_ignore_ascii_case(token)))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status(), status, "{self:?}");
        self
    }

    pub fn assert_header(&self, name: &str, value: &str) -> &Self {
        assert_eq!(self.header(name), Some(value), "{name} of {self:?}");
        self
    }

    pub fn assert_no_header(&self, name: &str) -> &Self {
        assert!(self.headers_named(name).is_empty(), "{name} must not be in {self:?}");
        self
    }

    pub fn assert_body(&self, body: &str) -> &Self {
        assert_eq!(self.text(), body, "{self:?}");
        self
    }

    /// The request that an echoing backend got.
    pub fn echoed(&self) -> Message {
        self.assert_status(200);
        Message::parse(&self.body)
    }

    /// The name of the backend that answered.
    pub fn backend(&self) -> &str {
        self.header("X-Backend").unwrap_or_else(|| panic!("no backend answered: {self:?}"))
    }
}

pub fn header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = match self.body.len() {
            0..2000 => self.text(),
            length => format!("({length} bytes)"),
        };
        write!(f, "\n{}\n\n{body}\n", self.head)
    }
}
