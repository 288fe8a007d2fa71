//! Names and numbers as people read them.

use phiward_core::check::Check;
use phiward_core::words::Verdict;

use crate::params::address;

/// What people call a kind, one and many of it.
const KINDS: [(&str, &str, &str); 6] = [
    ("host", "Host", "Hosts"),
    ("docker.engine", "Docker engine", "Docker engines"),
    ("docker.container", "Container", "Containers"),
    ("docker.image", "Image", "Images"),
    ("docker.volume", "Volume", "Volumes"),
    ("docker.network", "Network", "Networks"),
];

/// `Container` for `docker.container`; a kind this version does not know keeps its own word.
pub fn kind(kind: &str) -> &str {
    KINDS.iter().find(|(id, ..)| *id == kind).map_or(kind, |(_, one, _)| one)
}

/// `Containers` for `docker.container`.
pub fn kinds(kind: &str) -> &str {
    KINDS.iter().find(|(id, ..)| *id == kind).map_or(kind, |(.., many)| many)
}

/// Ids of the kinds this version knows, in the order pages list them.
pub fn kind_ids() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(id, ..)| *id)
}

/// `1 asset`, `1,204 assets`.
pub fn count(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// Digits in groups of three.
pub fn number(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if n < 0 { format!("−{text}") } else { text }
}

/// Bytes in the largest unit that keeps a figure before the point.
pub fn bytes(n: f64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n;
    let mut unit = 0;
    while value.abs() >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let figures = usize::from(unit > 0 && value.abs() < 100.0);
    format!("{value:.figures$} {}", UNITS[unit])
}

/// At most `most` characters, the cut marked.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Abbreviations that keep their capitals.
const CAPITALS: [(&str, &str); 22] = [
    ("api", "API"),
    ("cpu", "CPU"),
    ("cpus", "CPUs"),
    ("dns", "DNS"),
    ("ephi", "ePHI"),
    ("icc", "ICC"),
    ("id", "ID"),
    ("ip", "IP"),
    ("ipc", "IPC"),
    ("ipv6", "IPv6"),
    ("oom", "OOM"),
    ("os", "OS"),
    ("phi", "PHI"),
    ("pid", "PID"),
    ("pids", "PIDs"),
    ("ssh", "SSH"),
    ("sshd", "SSH server"),
    ("swap", "Swap"),
    ("tls", "TLS"),
    ("tty", "TTY"),
    ("uid", "UID"),
    ("uts", "UTS"),
];

/// `no_new_privileges` as `No new privileges`.
pub fn label(key: &str) -> String {
    let words: Vec<&str> = key
        .split(['_', '-'])
        .map(|word| CAPITALS.iter().find(|(plain, _)| *plain == word).map_or(word, |(_, capitals)| capitals))
        .collect();
    if words.first().is_some_and(|first| first.starts_with("ePHI")) {
        return words.join(" ");
    }
    let words = words.join(" ");
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// A sentence's first letter made small, unless its first word is a name or an abbreviation.
pub fn lower_first(text: &str) -> String {
    let first_word = text.split_whitespace().next().unwrap_or("");
    if first_word.chars().skip(1).any(char::is_uppercase) || matches!(first_word, "I" | "Docker" | "Linux") {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// The words of a text before its first block to paste, for places too narrow for one.
pub fn before_code(text: &str) -> String {
    let mut words = Vec::new();
    for block in super::remedy::blocks(text) {
        match block {
            super::remedy::Block::Text(parts) => {
                words.push(parts.into_iter().map(|(text, _)| text).collect::<String>())
            }
            super::remedy::Block::Paste(_) => break,
        }
    }
    let text = words.join(" ");
    match text.strip_suffix(':') {
        Some(open) => format!("{open}."),
        None => text,
    }
}

/// The text up to the end of its first sentence.
pub fn first_sentence(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.find(". ") {
        Some(end) => flat[..=end].to_owned(),
        None => flat,
    }
}

/// Address of an asset's page.
pub fn asset_href(id: &str) -> String {
    address("/asset", [("id", id)])
}

/// Address of a check's page.
pub fn check_href(id: &str) -> String {
    format!("/checks/{}", crate::params::encode(id))
}

/// Address of a control's page.
pub fn control_href(id: &str) -> String {
    format!("/controls/{}", crate::params::encode(id))
}

/// The title of a check: what should hold. Its id where the content no longer has it.
pub fn check_title<'c>(check: Option<&'c Check>, id: &'c str) -> &'c str {
    check.map_or(id, |check| check.title.as_str())
}

/// What a finding is called: what is wrong when it fails, else what should hold.
pub fn finding_title<'c>(check: Option<&'c Check>, id: &'c str, verdict: Verdict) -> &'c str {
    match (check, verdict) {
        (Some(check), Verdict::Fail) if !check.message.is_empty() => check.message.trim_end_matches('.'),
        _ => check_title(check, id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words() {
        assert_eq!(number(1234567), "1,234,567");
        assert_eq!(number(-100), "−100");
        assert_eq!(number(i64::MIN), "−9,223,372,036,854,775,808");
        assert_eq!(bytes(1536.0), "1.5 KiB");
        assert_eq!(bytes(12.0), "12 bytes");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(label("no_new_privileges"), "No new privileges");
        assert_eq!(lower_first("The container reaches"), "the container reaches");
        assert_eq!(lower_first("SSH lets root in"), "SSH lets root in");
        assert_eq!(first_sentence("Remove the mount. Then\n  recreate it."), "Remove the mount.");
    }
}
