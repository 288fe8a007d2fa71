use super::*;
use std::os::unix::fs::symlink;

/// A recorded /sys: block devices with what they rest on.
struct Sys(PathBuf);

impl Sys {
    fn new(name: &str) -> Sys {
        let dir = std::env::temp_dir().join(format!("phiward-sys-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join("dev/block")).unwrap();
        std::fs::create_dir_all(dir.join("fs/ext4/features")).unwrap();
        std::fs::write(dir.join("fs/ext4/features/encryption"), "supported\n").unwrap();
        Sys(dir)
    }

    fn disk(&self, name: &str, numbers: &str) -> PathBuf {
        let dir = self.0.join("devices").join(name);
        std::fs::create_dir_all(dir.join("slaves")).unwrap();
        symlink(&dir, self.0.join("dev/block").join(numbers)).unwrap();
        dir
    }

    fn partition(&self, disk: &str, name: &str, numbers: &str) -> PathBuf {
        let dir = self.0.join("devices").join(disk).join(name);
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("partition"), "1\n").unwrap();
        symlink(&dir, self.0.join("dev/block").join(numbers)).unwrap();
        dir
    }

    fn mapped(&self, name: &str, numbers: &str, uuid: &str, below: &[&Path]) -> PathBuf {
        let dir = self.disk(name, numbers);
        std::fs::create_dir_all(dir.join("dm")).unwrap();
        std::fs::write(dir.join("dm/uuid"), format!("{uuid}\n")).unwrap();
        for b in below {
            symlink(b, dir.join("slaves").join(b.file_name().unwrap())).unwrap();
        }
        dir
    }

    fn at(&self, mountinfo: &str, path: &str, fscrypt: Option<bool>) -> StorageFacts {
        let probe = PathProbe { resolved: path.into(), fscrypt, ..PathProbe::default() };
        Mounts::parse(mountinfo.as_bytes(), &self.0).decide(Path::new(path), &probe).unwrap()
    }
}

impl Drop for Sys {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_directory_mounted_on_itself_is_no_place_of_its_own() {
    let sys = Sys::new("self");
    sys.disk("vda", "254:0");
    sys.disk("vdb", "254:16");
    let text = "1 0 254:0 / / rw - ext4 /dev/vda rw\n2 1 254:16 / /var/lib/docker rw - ext4 /dev/vdb rw\n\
        3 2 254:16 / /var/lib/docker rw - ext4 /dev/vdb rw\n4 3 254:16 /100.100 /var/lib/docker/100.100 rw - ext4 /dev/vdb rw\n\
        5 1 254:0 /srv/data /srv/data rw - ext4 /dev/vda rw\n6 1 254:0 /srv/data /mnt rw - ext4 /dev/vda rw\n";
    let mounts = Mounts::parse(text.as_bytes(), &sys.0);
    let of = |path: &str| {
        let probe = PathProbe { resolved: PathBuf::from(path), ..PathProbe::default() };
        let facts = mounts.decide(Path::new(path), &probe).unwrap();
        (facts.mount_point, facts.is_mount_point, facts.on_root_disk)
    };
    assert_eq!(of("/var/lib/docker"), ("/var/lib/docker".to_owned(), true, false));
    assert_eq!(of("/var/lib/docker/100.100"), ("/var/lib/docker".to_owned(), false, false));
    assert_eq!(of("/srv/data"), ("/".to_owned(), false, true));
    assert_eq!(of("/mnt"), ("/mnt".to_owned(), false, true));
}

#[test]
fn logical_volume_on_luks_on_a_partition_is_encrypted() {
    let sys = Sys::new("lvm");
    sys.disk("sda", "8:0");
    let part = sys.partition("sda", "sda3", "8:3");
    let crypt = sys.mapped("dm-0", "253:0", "CRYPT-LUKS2-0123-luks", &[&part]);
    sys.mapped("dm-1", "253:1", "LVM-abc", &[&crypt]);
    let f = sys.at("1 0 253:1 / / rw - ext4 /dev/mapper/vg-root rw\n", "/data", Some(false));
    assert_eq!((f.encrypted, f.encryption.as_str()), (Some(true), "luks"));
    assert!(f.on_root_disk && !f.is_mount_point);
}

#[test]
fn one_plain_member_makes_the_whole_plain() {
    let sys = Sys::new("mixed");
    let plain = sys.disk("sdb", "8:16");
    let part = sys.disk("sda", "8:0");
    let crypt = sys.mapped("dm-0", "253:0", "CRYPT-LUKS2-0123-luks", &[&part]);
    sys.mapped("dm-1", "253:1", "LVM-abc", &[&crypt, &plain]);
    let f = sys.at("1 0 253:1 / / rw - xfs /dev/mapper/vg rw\n", "/", None);
    assert_eq!((f.encrypted, f.encryption.as_str()), (Some(false), "none"));
}

#[test]
fn integrity_targets_of_cryptsetup_are_not_encryption() {
    let sys = Sys::new("verity");
    let disk = sys.disk("vda", "254:0");
    sys.mapped("dm-0", "253:0", "CRYPT-VERITY-0123-root", &[&disk]);
    let f = sys.at("1 0 253:0 / / ro - ext4 /dev/dm-0 ro\n", "/", Some(false));
    assert_eq!(f.encrypted, Some(false));
}

#[test]
fn plain_dm_crypt_and_unknown_devices() {
    let sys = Sys::new("odd");
    let disk = sys.disk("vda", "254:0");
    sys.mapped("dm-0", "253:0", "CRYPT-PLAIN-x", &[&disk]);
    sys.disk("nbd0", "43:0");
    let info = "1 0 253:0 / / rw - xfs /dev/dm-0 rw\n2 1 43:0 / /n rw - xfs /dev/nbd0 rw\n3 1 99:9 / /gone rw - xfs /dev/q rw\n";
    assert_eq!(sys.at(info, "/", None).encryption, "dm-crypt");
    for unknown in ["/n", "/gone"] {
        let f = sys.at(info, unknown, None);
        assert_eq!((f.encrypted, f.encryption.as_str(), f.is_mount_point), (None, "unknown", true));
    }
}

#[test]
fn fscrypt_is_per_directory_and_unknown_is_not_no() {
    let sys = Sys::new("fscrypt");
    sys.disk("vda", "254:0");
    let info = "1 0 254:0 / / rw - ext4 /dev/vda rw\n";
    assert_eq!(sys.at(info, "/phi", Some(true)).encryption, "fscrypt");
    assert_eq!(sys.at(info, "/phi", Some(false)).encrypted, Some(false));
    assert_eq!(sys.at(info, "/phi", None).encrypted, None);
    // A kernel without the feature cannot have a policy.
    std::fs::remove_file(sys.0.join("fs/ext4/features/encryption")).unwrap();
    assert_eq!(sys.at(info, "/phi", None).encrypted, Some(false));
}

#[test]
fn memory_remote_fuse_and_zfs() {
    let sys = Sys::new("types");
    let info = "1 0 254:0 / / rw - ext4 /dev/vda rw\n\
        2 1 0:5 / /t rw - tmpfs tmpfs rw\n\
        3 1 0:6 / /n rw - nfs4 srv:/x rw,sec=sys\n\
        4 1 0:7 / /g rw - fuse.gocryptfs /cipher rw\n\
        5 1 0:8 / /r ro - fuse.gocryptfs-reverse /plain rw\n\
        6 1 0:9 / /z rw - zfs tank/x rw\n\
        7 1 0:10 / /e rw - ecryptfs /low rw\n";
    let got = |p: &str| {
        let f = sys.at(info, p, None);
        (f.in_memory, f.remote, f.encrypted, f.encryption)
    };
    assert_eq!(got("/t"), (true, false, None, "none".into()));
    assert_eq!(got("/n"), (false, true, None, "unknown".into()));
    assert_eq!(got("/g"), (false, false, Some(true), "fuse".into()));
    assert_eq!(got("/r").2, None);
    assert_eq!(got("/z").2, None);
    assert_eq!(got("/e"), (false, false, Some(true), "ecryptfs".into()));
}

#[test]
fn bind_of_the_root_disk_is_no_partition_of_its_own() {
    let sys = Sys::new("bind");
    sys.disk("vda", "254:0");
    let info = "27 1 254:0 / / rw - ext4 /dev/vda rw\n42 27 254:0 /var/lib/docker /var/lib/docker rw shared:1 - ext4 /dev/vda rw\n";
    let f = sys.at(info, "/var/lib/docker", Some(false));
    assert!(f.on_root_disk && !f.is_mount_point);
    // The engine mounts it on itself: it is still the root disk and nothing else.
    assert_eq!(f.mount_point, "/");
}

#[test]
fn escapes_stacked_mounts_and_bad_lines() {
    let info = b"garbage\n1 0 254:0 / / rw - ext4 /dev/vda rw\n\
        2 1 8:1 / /my\\040data rw master:1 shared:3 - xfs /dev/sd\\134x rw\n\
        3 1 8:2 / /my\\040data rw - ext4 /dev/sdb2 rw\n";
    let mounts = Mounts::parse(info, Path::new("/nonexistent"));
    assert_eq!(mounts.list().len(), 3);
    assert_eq!(mounts.list()[1].source, "/dev/sd\\x");
    assert_eq!(mounts.list()[1].propagation, ["master:1", "shared:3"]);
    assert_eq!(mounts.lookup(Path::new("/my data/a")).unwrap().id, 3);
    assert_eq!(mounts.lookup(Path::new("/my database")).unwrap().id, 1);
}

#[test]
fn overlay_is_judged_by_its_upper_directory() {
    let sys = Sys::new("overlay");
    let info = "1 0 0:9 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/proc/self,workdir=/w\n2 1 0:10 / /proc rw - proc proc rw\n";
    // The upper directory exists here on proc, which shows that it was followed.
    assert_eq!(sys.at(info, "/etc", None).encryption, "none");
    let bare = "1 0 0:9 / / rw - overlay overlay rw,lowerdir=/l\n";
    assert_eq!(sys.at(bare, "/etc", None).encrypted, None);
}

#[test]
fn live_path_is_found() {
    let mounts = Mounts::read().unwrap();
    let f = mounts.of(Path::new("/proc/self")).unwrap();
    assert_eq!(f.filesystem, "proc");
    let f = mounts.of(Path::new("/no/such/place")).unwrap();
    assert_eq!(f.mount_point, "/");
}
