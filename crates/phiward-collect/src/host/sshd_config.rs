//! The language of sshd_config(5), and the form `sshd -T` prints.

use std::io;

use super::root::Root;

/// Name in lower case, value.
pub type Setting = (String, String);

/// Files included by others at most this deep, as in OpenSSH.
const MAX_DEPTH: usize = 16;
/// Most files read. Files that include each other double at every level.
const MAX_FILES: usize = 1000;

/// Settings that `sshd -T` prints.
pub fn effective(text: &str) -> Vec<Setting> {
    text.lines().filter_map(setting).collect()
}

/// Settings of a file and of what it includes, in order, up to each file's first `Match`: those below it hold only for
/// some connections. A file that does not exist has none.
///
/// # Errors
/// The file that exists and cannot be read.
pub fn files(root: &Root, path: &str) -> Result<Vec<Setting>, (String, io::Error)> {
    let mut settings = Vec::new();
    include(root, path, 0, &mut 0, &mut settings)?;
    Ok(settings)
}

fn include(
    root: &Root,
    path: &str,
    depth: usize,
    files: &mut usize,
    settings: &mut Vec<Setting>,
) -> Result<(), (String, io::Error)> {
    *files += 1;
    if *files > MAX_FILES {
        let error = io::Error::other(format!("more than {MAX_FILES} files are included, some many times"));
        return Err((path.to_owned(), error));
    }
    let text = root.text(path).map_err(|error| (path.to_owned(), error))?.unwrap_or_default();
    for line in text.lines() {
        let Some((name, value)) = setting(line) else { continue };
        match name.as_str() {
            "match" => return Ok(()),
            "include" if depth < MAX_DEPTH => {
                for pattern in value.split_whitespace() {
                    let pattern = pattern.trim_matches('"');
                    let pattern =
                        if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
                    for path in glob(root, &pattern).map_err(|error| (pattern.clone(), error))? {
                        include(root, &path, depth + 1, files, settings)?;
                    }
                }
            }
            "include" => {}
            _ => settings.push((name, value)),
        }
    }
    Ok(())
}

/// `Name value`, `Name=value`, `Name "value"`.
fn setting(line: &str) -> Option<Setting> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=')?;
    let (name, value) = line.split_at(end);
    let value = value.trim_start().trim_start_matches('=').trim();
    let value = value.split(" #").next().unwrap_or(value).trim();
    let value = match value.strip_prefix('"') {
        Some(inner) => inner.split('"').next().unwrap_or(inner),
        None => value,
    };
    (!name.is_empty() && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value.to_owned()))
}

/// Files whose last component matches a pattern with `*` and `?`, sorted. Patterns in directories are not used by any
/// distribution and match nothing here.
fn glob(root: &Root, pattern: &str) -> io::Result<Vec<String>> {
    let Some((dir, name)) = pattern.rsplit_once('/') else { return Ok(Vec::new()) };
    if !name.contains(['*', '?', '[']) {
        return Ok(vec![pattern.to_owned()]);
    }
    Ok(root
        .list(dir)?
        .into_iter()
        .filter(|file| (!file.starts_with('.') || name.starts_with('.')) && matches(name.as_bytes(), file.as_bytes()))
        .map(|file| format!("{dir}/{file}"))
        .collect())
}

/// `*` and `?` only, in time proportional to the product of the lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    p = star_p + 1;
                    t = star_t + 1;
                    star = Some((star_p, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::testing::Tree;

    #[test]
    fn includes_stand_where_they_are_written() {
        let tree = Tree::new(&[
            (
                "etc/ssh/sshd_config",
                "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication no\nMatch User a\n X11Forwarding yes\n",
            ),
            ("etc/ssh/sshd_config.d/10-a.conf", "PasswordAuthentication yes\nMatch all\nPort 1\n"),
            ("etc/ssh/sshd_config.d/20-b.conf", "Port=2222\n"),
            ("etc/ssh/sshd_config.d/x.bak", "Port 9\n"),
        ]);
        let settings = files(&tree.root(), "/etc/ssh/sshd_config").unwrap();
        let pairs: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("passwordauthentication", "yes"), ("port", "2222"), ("passwordauthentication", "no")]);
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let tree = Tree::new(&[("etc/ssh/sshd_config", "Include sshd_config\nPort 1\n")]);
        assert_eq!(files(&tree.root(), "/etc/ssh/sshd_config").unwrap().len(), MAX_DEPTH + 1);
        assert!(files(&Tree::new(&[("etc/ssh/sshd_config/x", "")]).root(), "/etc/ssh/sshd_config").is_err());
    }

    #[test]
    fn lines_of_all_forms() {
        assert_eq!(setting("  PermitRootLogin = \"no\" # x"), Some(("permitrootlogin".to_owned(), "no".to_owned())));
        assert_eq!(setting("Ciphers a,b # old"), Some(("ciphers".to_owned(), "a,b".to_owned())));
        for odd in ["", "#Port 22", "Port", "Port ", "= x", "Port \"\""] {
            assert_eq!(setting(odd), None, "{odd}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf.bak", false),
            ("?x*", "axyz", true),
            ("", "", true),
            ("a*b*c", "aXbYbc", true),
            ("a", "", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
