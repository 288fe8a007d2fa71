//! apt's configuration language (apt.conf(5)), as a flat list of settings.

/// Deepest nesting read: text that goes deeper is no configuration.
const MAX_DEPTH: usize = 64;

/// Settings by full name in lower case, in the order they take effect. Names of items without one of their own are
/// those of the list around them.
pub fn parse(text: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut scopes: Vec<String> = Vec::new();
    let mut name = String::new();
    let mut value: Option<String> = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
            continue;
        }
        let directive = rest.starts_with("#clear") || rest.starts_with("#include");
        if rest.starts_with("//") || (first == '#' && !directive) {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        match first {
            '"' => {
                let (text, after) = rest[1..].split_once('"').unwrap_or((&rest[1..], ""));
                value = Some(text.to_owned());
                rest = after;
                continue;
            }
            '{' if scopes.len() >= MAX_DEPTH => break,
            '{' => scopes.push(std::mem::take(&mut name)),
            '}' | ';' => {
                let full = full_name(&scopes, &name);
                if let Some(value) = value.take() {
                    settings.push((full, value));
                }
                name.clear();
                if first == '}' {
                    scopes.pop();
                }
            }
            _ if first.is_whitespace() => {}
            _ => {
                let end =
                    rest.find(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | ';' | '"')).unwrap_or(rest.len());
                let word = &rest[..end];
                // A second word is a value without quotes.
                if name.is_empty() {
                    word.clone_into(&mut name)
                } else {
                    value = Some(word.to_owned())
                }
                rest = &rest[end..];
                continue;
            }
        }
        rest = &rest[first.len_utf8()..];
    }
    settings
}

fn full_name(scopes: &[String], name: &str) -> String {
    let parts: Vec<&str> = scopes.iter().map(String::as_str).chain([name]).filter(|part| !part.is_empty()).collect();
    parts.join("::").trim_end_matches("::").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_lists_and_comments() {
        let text = "// c\nAPT::Periodic::Unattended-Upgrade \"1\";\n# \"x\";\nUnattended-Upgrade::Origins-Pattern {\n  // \"no\";\n  \"label=Debian-Security\"; /* \"nor this\"; */ \"b\";\n};\n\
            APT { Periodic { Enable 0; }; };\nA:: \"v\";";
        let found = parse(text);
        let expected = [
            ("apt::periodic::unattended-upgrade", "1"),
            ("unattended-upgrade::origins-pattern", "label=Debian-Security"),
            ("unattended-upgrade::origins-pattern", "b"),
            ("apt::periodic::enable", "0"),
            ("a", "v"),
        ];
        assert_eq!(found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn malformed_text_ends() {
        for text in ["}}}}", "a { b { ", "a \"open", "/* open", "\u{fffd};\u{e9} \"x\";", "a b c d;"] {
            let _ = parse(text);
        }
        assert_eq!(parse("}; a \"1\";"), [("a".to_owned(), "1".to_owned())]);
    }
}
