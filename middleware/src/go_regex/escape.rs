//! What begins with a backslash. Go knows fewer escapes than Rust's `regex`, and octal ones.
//! Used by the translation, and for brackets.

/// What an escape at the beginning of `text` becomes where no brackets are, and its length.
pub(super) fn outside(text: &str) -> Result<(String, usize), String> {
    if let Some(quoted) = text.strip_prefix(r"\Q") {
        let (quoted, read) = match quoted.find(r"\E") {
            Some(end) => (quoted.get(..end).unwrap_or_default(), end + 4),
            None => (quoted, text.len()),
        };
        return Ok((regex::escape(quoted), read));
    }
    if let Some(class) = class(text)? {
        return Ok(class);
    }
    match text.chars().nth(1) {
        // Left to Rust's `regex`, which tells.
        None => Ok((text.to_owned(), text.len())),
        Some(border @ ('b' | 'B')) => Ok((format!(r"(?-u:\{border})"), 2)),
        Some(border @ ('A' | 'z')) => Ok((format!(r"\{border}"), 2)),
        Some(_) => character(text).map(|(character, read)| (escaped(character), read)),
    }
}

/// What a class at the beginning of `text` becomes, such as `\d`, in brackets or not; and its length.
pub(super) fn class(text: &str) -> Result<Option<(String, usize)>, String> {
    let class = match text.chars().nth(1) {
        Some('d') => "[0-9]",
        Some('w') => "[0-9A-Za-z_]",
        Some('s') => r"[\t\n\f\r ]",
        Some('D') => "[^0-9]",
        Some('W') => "[^0-9A-Za-z_]",
        Some('S') => r"[^\t\n\f\r ]",
        Some(letter @ ('p' | 'P')) => return unicode_class(text, letter).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((class.to_owned(), 2)))
}

/// `\pL`, `\p{Greek}`, `\p{^Greek}`.
fn unicode_class(text: &str, letter: char) -> Result<(String, usize), String> {
    let Some(name) = text.get(2..).and_then(|rest| rest.strip_prefix('{')) else {
        let read = text.chars().take(3).map(char::len_utf8).sum();
        return Ok((text.get(..read).unwrap_or(text).to_owned(), read));
    };
    let whole = text.split_inclusive('}').next().unwrap_or(text);
    let name = name.split('}').next().unwrap_or_default();
    if name.contains(['=', ':']) {
        return Err(format!("{whole} is no class: write the name of a category or a script alone"));
    }
    let other = if letter == 'p' { 'P' } else { 'p' };
    let written = match name.strip_prefix('^') {
        Some(name) => format!(r"\{other}{{{name}}}"),
        None => whole.to_owned(),
    };
    Ok((written, whole.len()))
}

/// The character that an escape at the beginning of `text` stands for, and its length.
pub(super) fn character(text: &str) -> Result<(char, usize), String> {
    let rest = text.get(1..).unwrap_or_default();
    let Some(first) = rest.chars().next() else { return Err(r"it ends with a \ alone".to_owned()) };
    let wrong = || format!(r"\{first} is no escape sequence");
    let octal = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
    if first == '0' || octal > 1 {
        let digits = rest.get(..octal).unwrap_or_default();
        let character = u32::from_str_radix(digits, 8).ok().and_then(char::from_u32);
        return character.map(|character| (character, 1 + octal)).ok_or_else(wrong);
    }
    let character = match first {
        'x' => return hexadecimal(rest).ok_or_else(|| r"\x has two hexadecimal digits, or some in braces".to_owned()),
        'a' => '\u{7}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return Err(wrong()),
    };
    Ok((character, 2))
}

/// `x41` and `x{41}`.
fn hexadecimal(text: &str) -> Option<(char, usize)> {
    let (digits, read) = match text.get(1..)?.strip_prefix('{') {
        Some(braces) => {
            let (digits, _) = braces.split_once('}')?;
            (digits, digits.len() + 4)
        }
        None => (text.get(1..3)?, 4),
    };
    let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let character = plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten().and_then(char::from_u32)?;
    Some((character, read))
}

/// A character that stands for itself, in brackets and outside of them.
pub(super) fn escaped(character: char) -> String {
    regex::escape(character.encode_utf8(&mut [0; 4]))
}
