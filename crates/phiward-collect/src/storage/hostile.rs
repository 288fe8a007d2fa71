//! Mount tables as a hostile container could make them: it names its own directories and mounts them by the thousand.

use std::path::Path;
use std::time::Instant;

use super::*;
use crate::mutate::{self, LIMIT, Rng, survives};

const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw,errors=remount-ro
28 27 254:1 / /my\\040data rw,nodev master:1 shared:2 - xfs /dev/vda2 rw
29 27 0:40 / /merged rw - overlay overlay rw,lowerdir=/a:/b,upperdir=/up\\,per,workdir=/w
30 27 0:41 / /net rw - nfs4 srv:/x rw
31 27 0:42 / /tmp rw - tmpfs tmpfs rw
32 27 254:0 /var/lib/docker /var/lib/docker rw shared:1 - ext4 /dev/vda1 rw
33 27 0:43 / /b rw - btrfs /dev/vdz rw
34 27 0:44 / /f rw - fuse.gocryptfs /cipher rw
";
const PATHS: [&str; 9] =
    ["/", "/proc/1", "/my data/x", "/merged/y", "/net/z", "/tmp", "/var/lib/docker/volumes", "/b", "/f/g"];

fn questions(mounts: &Mounts) {
    for path in PATHS {
        for fscrypt in [None, Some(false), Some(true)] {
            let probe = PathProbe { resolved: path.into(), fscrypt, ..PathProbe::default() };
            let Some(facts) = mounts.decide(Path::new(path), &probe) else { continue };
            // Nothing that is encrypted is without a name, and what is unknown is never called encrypted.
            assert_eq!(facts.encrypted == Some(true), !matches!(facts.encryption.as_str(), "none" | "unknown"));
        }
    }
}

#[test]
fn spoiled_tables_never_make_a_plain_disk_encrypted() {
    let mut rng = Rng::new(21);
    for _ in 0..2000 {
        let text = mutate::bytes(&mut rng, TABLE.as_bytes());
        survives("mountinfo", &text, |text: &Vec<u8>| questions(&Mounts::parse(text, Path::new("/nonexistent"))));
    }
}

#[test]
fn a_megabyte_of_mounts_is_asked_in_time() {
    for text in mutate::megabytes(TABLE).into_iter().chain([mutate::numbered(TABLE)]) {
        survives("mountinfo", &text, |text: &Vec<u8>| questions(&Mounts::parse(text, Path::new("/nonexistent"))));
    }
    // A place for each of ten thousand containers, and a question about each.
    let table: String = (0..10_000).map(|i| format!("{} 1 0:{i} / /m/{i}/merged rw - tmpfs t rw\n", i + 2)).collect();
    let started = Instant::now();
    let mounts = Mounts::parse(format!("1 0 254:0 / / rw - ext4 /dev/vda rw\n{table}").as_bytes(), Path::new("/none"));
    for i in 0..10_000 {
        let path = format!("/m/{i}/merged/data");
        let probe = PathProbe { resolved: path.clone().into(), ..PathProbe::default() };
        assert!(mounts.decide(Path::new(&path), &probe).is_some_and(|facts| facts.in_memory));
    }
    assert!(started.elapsed() < LIMIT, "{:?}", started.elapsed());
}

#[test]
fn overlays_on_themselves_and_parents_in_a_ring_end() {
    let text = "1 2 0:9 / / rw - overlay overlay rw,upperdir=/\n2 1 0:9 / / rw - overlay overlay rw,upperdir=/\n3 3 8:1 / /x rw - ext4 /dev/sda rw\n";
    let mounts = Mounts::parse(text.as_bytes(), Path::new("/nonexistent"));
    questions(&mounts);
    assert_eq!(mounts.of(Path::new("/etc")).and_then(|facts| facts.encrypted), None);
    assert!(Mounts::parse(b"", Path::new("/none")).of(Path::new("/")).is_none());
    assert_eq!(mounts.of(Path::new("")), None);
}
