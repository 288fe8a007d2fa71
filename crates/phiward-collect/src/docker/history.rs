//! What the build steps of an image tell, from its history.

use super::facts::EnvironmentSecret;
use super::secrets::in_build_step;

/// Findings over all steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Steps {
    pub secrets: Vec<EnvironmentSecret>,
    pub uses_add: bool,
    pub update_alone: bool,
    pub upgrade_step: bool,
    pub curl_pipe_shell: bool,
}

/// Reads the steps in build order, the base layer first. Texts are looked at and not kept.
pub(super) fn read<'a>(steps: impl IntoIterator<Item = &'a str>) -> Steps {
    let mut found = Steps::default();
    for (index, text) in steps.into_iter().enumerate() {
        for kind in in_build_step(text) {
            found.secrets.push(EnvironmentSecret { name: format!("step {}", index + 1), kind: kind.to_owned() });
        }
        let (instruction, command) = split(text);
        // The first step puts the base file system in place, and ADD is the only way to do that.
        found.uses_add |= index > 0 && instruction == "ADD";
        if instruction == "RUN" {
            let commands = simple_commands(command);
            let upgrade = upgrades(&commands);
            found.update_alone |= updates(&commands) && !installs(&commands) && !upgrade;
            found.upgrade_step |= upgrade;
            found.curl_pipe_shell |= pipes_download_into_shell(command);
        }
    }
    found
}

/// The instruction and what follows. Classic builds write `/bin/sh -c #(nop) ADD file:…`, BuildKit `ADD …`.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    if let Some((_, rest)) = text.split_once("#(nop)") {
        let rest = rest.trim_start();
        let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        return (word, rest);
    }
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) if !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase()) => (word, rest),
        _ => ("RUN", text),
    }
}

fn updates(commands: &[Vec<&str>]) -> bool {
    ["apt-get", "apt", "aptitude"].iter().any(|tool| calls(commands, tool, &["update"]))
        || calls(commands, "apk", &["update"])
        || ["yum", "dnf", "microdnf"].iter().any(|tool| calls(commands, tool, &["makecache"]))
}

fn installs(commands: &[Vec<&str>]) -> bool {
    ["apt-get", "apt", "aptitude", "yum", "dnf", "microdnf"]
        .iter()
        .any(|tool| calls(commands, tool, &["install", "build-dep"]))
        || calls(commands, "apk", &["add"])
}

fn upgrades(commands: &[Vec<&str>]) -> bool {
    ["apt-get", "apt", "aptitude"]
        .iter()
        .any(|tool| calls(commands, tool, &["upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade"]))
        || calls(commands, "apk", &["upgrade"])
        || ["yum", "dnf", "microdnf"].iter().any(|tool| updates_everything(commands, tool))
}

/// `yum update` with no package upgrades everything; with a package it does not.
fn updates_everything(commands: &[Vec<&str>], tool: &str) -> bool {
    commands.iter().any(|words| {
        position(words, tool).is_some_and(|at| {
            let rest: Vec<&str> = words[at + 1..].iter().copied().filter(|w| !w.starts_with('-')).collect();
            rest.first().is_some_and(|w| matches!(*w, "update" | "upgrade" | "distro-sync")) && rest.len() == 1
        })
    })
}

/// Whether a simple command runs `tool` with one of the verbs as its first word that is not an option.
fn calls(commands: &[Vec<&str>], tool: &str, verbs: &[&str]) -> bool {
    commands.iter().any(|words| {
        position(words, tool).is_some_and(|at| {
            words[at + 1..]
                .iter()
                .find(|w| !w.starts_with('-') && !w.contains("::") && !w.bytes().all(|b| b.is_ascii_digit()))
                .is_some_and(|w| verbs.contains(w))
        })
    })
}

fn position(words: &[&str], tool: &str) -> Option<usize> {
    words.iter().position(|w| w.rsplit('/').next() == Some(tool))
}

/// The words of each simple command, commands without any left out.
fn simple_commands(command: &str) -> Vec<Vec<&str>> {
    command
        .split([';', '&', '|', '\n'])
        .map(|c| {
            c.split_whitespace()
                .map(|w| w.trim_matches(['"', '\'', '(', ')', '{', '}']))
                .filter(|w| !w.is_empty())
                .collect::<Vec<&str>>()
        })
        .filter(|words| !words.is_empty())
        .collect()
}

fn pipes_download_into_shell(command: &str) -> bool {
    let mut downloading = false;
    // `||` is an alternative and no pipe.
    for part in command.replace("||", ";").replace("&&", ";").split(';') {
        for (i, stage) in part.split('|').enumerate() {
            let words: Vec<&str> = stage.split_whitespace().map(|w| w.trim_matches(['"', '\'', '(', ')'])).collect();
            if i == 0 {
                downloading = false;
            }
            let runs = |names: &[&str]| {
                words
                    .iter()
                    .find(|w| {
                        !matches!(**w, "sudo" | "env" | "exec" | "-E" | "/bin/sh" | "-c" | "-") && !w.contains('=')
                    })
                    .is_some_and(|w| names.contains(&w.rsplit('/').next().unwrap_or(w)))
            };
            if i > 0
                && downloading
                && (runs(&["sh", "bash", "dash", "ash", "zsh", "python", "python3", "perl", "ruby", "node"])
                    || words.first() == Some(&"/bin/sh"))
            {
                return true;
            }
            downloading |= words.iter().any(|w| matches!(w.rsplit('/').next(), Some("curl" | "wget")));
        }
        // `bash -c "$(curl …)"` and `bash <(curl …)`.
        if ["$(curl", "$(wget", "<(curl", "<(wget"].iter().any(|p| part.contains(p))
            && ["sh -c", "bash <(", "sh <(", "eval "].iter().any(|p| part.contains(p))
            && !part.trim_start().starts_with("/bin/sh -c") | (part.matches("sh -c").count() > 1)
        {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn add_counts_after_the_base_layer_only() {
        assert!(!read(["/bin/sh -c #(nop) ADD file:abc in / ", "/bin/sh -c #(nop)  CMD [\"bash\"]"]).uses_add);
        assert!(read(["/bin/sh -c #(nop) ADD file:abc in / ", "ADD app.tar /app # buildkit"]).uses_add);
        assert!(!read(["FROM scratch", "RUN /bin/sh -c useradd ADD # buildkit"]).uses_add);
    }

    #[test]
    fn package_steps() {
        assert!(read(["x", "/bin/sh -c apt-get update"]).update_alone);
        let both = read([
            "x",
            "RUN /bin/sh -c apt-get -y update && apt-get install -y --no-install-recommends curl # buildkit",
        ]);
        assert!(!both.update_alone && !both.upgrade_step);
        assert!(read(["RUN /bin/sh -c apt-get update && apt-get -y dist-upgrade"]).upgrade_step);
        assert!(read(["RUN /bin/sh -c yum -y update && yum clean all"]).upgrade_step);
        assert!(!read(["RUN /bin/sh -c yum -y update openssl"]).upgrade_step);
        assert!(read(["RUN apk update"]).update_alone);
        assert!(!read(["RUN pip install apt-update-helper && echo update"]).update_alone);
    }

    #[test]
    fn downloads_into_a_shell() {
        for step in [
            "RUN curl -fsSL https://x | sh",
            "RUN /bin/sh -c wget -qO- https://x | sudo -E bash -",
            "RUN /bin/sh -c curl https://x | tee /a | /bin/bash",
        ] {
            assert!(read([step]).curl_pipe_shell, "{step}");
        }
        for step in [
            "RUN curl https://x -o y || sh fallback.sh",
            "RUN curl https://x | tar xz",
            "RUN echo x | sh",
            "RUN curl https://x > a; cat b | sh",
        ] {
            assert!(!read([step]).curl_pipe_shell, "{step}");
        }
        assert!(read(["RUN bash -c \"$(curl -fsSL https://x)\""]).curl_pipe_shell);
    }

    #[test]
    fn secrets_are_named_by_step_and_never_shown() {
        let steps = read(["base", "ENV API_KEY=abc123def", "|1 DB_PASSWORD=hunter2 /bin/sh -c make"]);
        let names: Vec<&str> = steps.secrets.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["step 2", "step 3"]);
        assert!(!format!("{steps:?}").contains("hunter2"));
    }
}
