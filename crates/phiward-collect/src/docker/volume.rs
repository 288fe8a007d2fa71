//! Facts about one volume.

use std::collections::BTreeMap;
use std::path::Path;

use bollard::models::Volume;
use jiff::Timestamp;
use phiward_core::asset::Missing;

use super::container::days;
use super::facts::{StorageFacts, VolumeFacts};
use super::mounts::bind_device;
use crate::files::FileFacts;

/// Looks at a path of the engine's host: what it lies on, and its ownership.
pub(super) struct Host<'a> {
    pub storage: &'a dyn Fn(&Path) -> Option<StorageFacts>,
    pub file: &'a dyn Fn(&Path) -> Result<Option<FileFacts>, String>,
    /// Why the host cannot be read, where it cannot.
    pub gap: Option<&'a str>,
}

/// Facts that rest on the volume alone.
pub(super) fn facts(volume: &Volume, host: &Host<'_>, now: Timestamp) -> (VolumeFacts, Vec<Missing>) {
    let labels: BTreeMap<String, String> = super::secrets::hide_in_labels(volume.labels.clone());
    let options: BTreeMap<String, String> = volume.options.iter().map(|(k, v)| (k.clone(), shown(k, v))).collect();
    let option = |name: &str| volume.options.get(name).map(String::as_str);
    let bind = bind_device(&volume.driver, option).unwrap_or_default().to_owned();
    let remote_type = remote_type(&volume.driver, &volume.options);
    let mut gaps = Vec::new();
    let mut storage = None;
    let mut mountpoint_file = None;
    match host.gap {
        Some(why) => {
            gaps.push(Missing { path: "storage".into(), why: why.to_owned() });
            gaps.push(Missing { path: "mountpoint_file".into(), why: why.to_owned() });
        }
        None if !remote_type.is_empty() => {
            // The mount exists only while a container uses the volume, and touching a dead server would hang.
            storage = Some(StorageFacts {
                path: volume.mountpoint.clone(),
                filesystem: remote_type.clone(),
                device: option("device").map(without_password).unwrap_or_default(),
                remote: true,
                encryption: "unknown".into(),
                ..StorageFacts::default()
            });
            gaps.push(Missing {
                path: "storage.encrypted".into(),
                why: "the bytes lie on another machine, which phiward cannot look into".into(),
            });
        }
        None => {
            let path = if bind.is_empty() { &volume.mountpoint } else { &bind };
            if path.is_empty() {
                gaps.push(Missing {
                    path: "storage".into(),
                    why: format!("the driver {} names no path on this host", volume.driver),
                });
            } else {
                storage = if option("type") == Some("tmpfs") && volume.driver == "local" {
                    Some(StorageFacts {
                        path: path.clone(),
                        filesystem: "tmpfs".into(),
                        in_memory: true,
                        encryption: "none".into(),
                        ..StorageFacts::default()
                    })
                } else {
                    (host.storage)(Path::new(path))
                };
                if let Some(found) = storage.as_ref().filter(|s| s.encrypted.is_none() && !s.in_memory) {
                    gaps.push(Missing { path: "storage.encrypted".into(), why: encryption_unknown(found) });
                }
                if storage.is_none() {
                    gaps.push(Missing { path: "storage".into(), why: format!("no mount holds {path}") });
                }
                match (host.file)(Path::new(path)) {
                    Ok(file) => mountpoint_file = file,
                    Err(why) => gaps.push(Missing { path: "mountpoint_file".into(), why }),
                }
            }
        }
    }
    let created = volume.created_at.clone().unwrap_or_default();
    let facts = VolumeFacts {
        name: volume.name.clone(),
        driver: volume.driver.clone(),
        scope: volume.scope.map(|s| s.to_string()).unwrap_or_default(),
        mountpoint: volume.mountpoint.clone(),
        owner: labels.get("phiward.owner").cloned().unwrap_or_default(),
        ephi: String::new(),
        anonymous: labels.contains_key("com.docker.volume.anonymous")
            || (volume.name.len() == 64 && volume.name.bytes().all(|b| b.is_ascii_hexdigit())),
        bind_device: bind,
        remote_plaintext: remote_plaintext(&remote_type, option("o").unwrap_or_default()),
        remote_type,
        storage,
        used_by: Vec::new(),
        writers: Vec::new(),
        in_use: false,
        mountpoint_file,
        age_days: days(&created, now).unwrap_or_default(),
        labels,
        options,
    };
    (facts, gaps)
}

/// Why it cannot be told whether the bytes are encrypted.
pub(super) fn encryption_unknown(storage: &StorageFacts) -> String {
    if storage.remote {
        return format!("{} is on another machine, which phiward cannot look into", storage.mount_point);
    }
    format!(
        "whether {} ({} on {}) is encrypted could not be told; as root phiward can look at the path itself",
        storage.path, storage.filesystem, storage.device
    )
}

fn remote_type(driver: &str, options: &std::collections::HashMap<String, String>) -> String {
    let kind = options.get("type").map(String::as_str).unwrap_or_default();
    match kind {
        "nfs" | "nfs4" | "cifs" | "smb3" | "ceph" | "glusterfs" if driver == "local" => kind.to_owned(),
        _ => String::new(),
    }
}

/// Whether a remote mount is unencrypted on the wire, as far as its options tell. NFS protects its traffic with
/// `sec=krb5p` or `xprtsec=tls`; SMB with `seal`. Others cannot be told.
fn remote_plaintext(kind: &str, options: &str) -> Option<bool> {
    let has = |wanted: &str| options.split(',').any(|o| o.trim().eq_ignore_ascii_case(wanted));
    match kind {
        "nfs" | "nfs4" => Some(!(has("sec=krb5p") || has("xprtsec=tls") || has("xprtsec=mtls"))),
        // A server may insist on encryption without the option, but then nothing here proves it.
        "cifs" | "smb3" => {
            if has("seal") {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Mount options may hold a password: `o=username=u,password=p`.
fn shown(name: &str, value: &str) -> String {
    if name == "o" {
        return value
            .split(',')
            .map(|o| match o.split_once('=') {
                Some((k, _))
                    if k.trim().to_ascii_lowercase().starts_with("pass") || k.trim().eq_ignore_ascii_case("secret") =>
                {
                    format!("{k}=(hidden)")
                }
                _ => o.to_owned(),
            })
            .collect::<Vec<_>>()
            .join(",");
    }
    if super::secrets::kind_of(name, value).is_some() { "(hidden)".to_owned() } else { value.to_owned() }
}

fn without_password(device: &str) -> String {
    match device.rsplit_once('@') {
        Some((_, rest)) if device.contains("://") => rest.to_owned(),
        _ => device.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str, gap: Option<&str>) -> (VolumeFacts, Vec<Missing>) {
        let volume: Volume = serde_json::from_str(json).unwrap();
        let storage = |p: &Path| {
            Some(StorageFacts {
                path: p.to_string_lossy().into_owned(),
                encrypted: Some(false),
                ..StorageFacts::default()
            })
        };
        let host = Host { storage: &storage, file: &|_| Ok(None), gap };
        facts(&volume, &host, "2026-01-11T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_bind_in_disguise_is_judged_by_its_device() {
        let (f, gaps) = of(
            r#"{"Name":"v","Driver":"local","Mountpoint":"/var/lib/docker/volumes/v/_data","CreatedAt":"2026-01-01T00:00:00Z","Labels":null,"Scope":"local",
            "Options":{"type":"none","o":"bind","device":"/srv/phi"}}"#,
            None,
        );
        assert_eq!((f.bind_device.as_str(), f.age_days), ("/srv/phi", 10));
        assert_eq!(f.storage.unwrap().path, "/srv/phi");
        assert!(gaps.is_empty() && !f.anonymous);
    }

    #[test]
    fn remote_volumes() {
        let (f, gaps) = of(
            r#"{"Name":"n","Driver":"local","Mountpoint":"/m","Labels":{},"Scope":"local","Options":{"type":"nfs","o":"addr=10.0.0.1,rw","device":":/x"}}"#,
            None,
        );
        assert_eq!((f.remote_type.as_str(), f.remote_plaintext), ("nfs", Some(true)));
        assert!(f.storage.is_some_and(|s| s.remote && s.encrypted.is_none()));
        assert_eq!(gaps[0].path, "storage.encrypted");
        assert_eq!(remote_plaintext("nfs4", "sec=krb5p,rw"), Some(false));
        assert_eq!((remote_plaintext("cifs", "seal"), remote_plaintext("cifs", "rw")), (Some(false), None));
    }

    #[test]
    fn passwords_in_options_are_hidden() {
        let (f, _) = of(
            r#"{"Name":"c","Driver":"local","Mountpoint":"/m","Labels":{},"Scope":"local","Options":{"type":"cifs","o":"username=u,password=hunter2","device":"//s/x"}}"#,
            None,
        );
        assert_eq!(f.options["o"], "username=u,password=(hidden)");
    }

    #[test]
    fn an_unreadable_host_is_a_named_gap() {
        let name = "a".repeat(64);
        let (f, gaps) = of(
            &format!(
                r#"{{"Name":"{name}","Driver":"local","Mountpoint":"/m","Labels":{{}},"Options":{{}},"Scope":"local"}}"#
            ),
            Some("remote engine"),
        );
        assert!(f.anonymous && f.storage.is_none());
        assert_eq!(gaps.len(), 2);
    }
}
