//! Whatever a connection begins with: reading it never panics, and more bytes never change what was clear already.
#![no_main]
// The sources are the gateway's, which waits for bytes, too: that part is not fuzzed.
#![allow(dead_code)]

mod proxy {
    pub mod peek;
}

use libfuzzer_sys::fuzz_target;
use proxy::peek::{classify, proxy_protocol};

fuzz_target!(|bytes: &[u8]| {
    // Some beginnings, as they would come in packets: all of a long input would take too long.
    let step = bytes.len() / 16 + 1;
    let (mut opening, mut header) = (None, None);
    for end in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
        let seen = &bytes[..end];
        let now = classify(seen);
        assert!(opening.is_none() || now == opening, "{opening:?}, then {now:?}");
        opening = now;
        let now = Some(proxy_protocol::parse(seen)).filter(|parsed| *parsed != proxy_protocol::Parsed::Incomplete);
        if let Some(proxy_protocol::Parsed::Header(length, _)) = now {
            assert!(length <= end, "a header of {length} bytes in {end}");
        }
        assert!(header.is_none() || now == header, "{header:?}, then {now:?}");
        header = now;
    }
});
