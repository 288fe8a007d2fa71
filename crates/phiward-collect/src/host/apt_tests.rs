use std::io::Write;

use super::*;
use crate::host::command::Commands;
use crate::host::testing::Tree;

const STATUS: &str = "Package: openssl\nStatus: install ok installed\nVersion: 3.0.11-1\n\nPackage: curl\nStatus: install ok installed\nVersion: 7.88-1\n\n\
    Package: held\nStatus: hold ok installed\nVersion: 1\n\nPackage: same\nStatus: install ok installed\nVersion: 2\n\n\
    Package: ported\nStatus: install ok installed\nVersion: 5~bpo1\n\nPackage: local\nStatus: install ok installed\nVersion: 1\n\n";
const MAIN: &str = "Package: openssl\nDescription: x\n long\nVersion: 3.0.14-1\nFilename: Version: 9\n\nPackage: unknown\nVersion: 99\n\nPackage: curl\nVersion: 7.88-2\n\n\
    Package: held\nVersion: 2\n\nPackage: same\nVersion: 2\n\nPackage: ported\nVersion: 4";
const SECURITY: &str = "Package: openssl\nVersion: 3.0.13-1\n\nPackage: openssl\nVersion: 3.0.11-1\n";

fn tree() -> Tree {
    Tree::new(&[
        ("var/lib/dpkg/status", STATUS),
        ("var/lib/apt/lists/d_dists_b_InRelease", "Label: Debian\nSuite: stable\nCodename: b\n"),
        ("var/lib/apt/lists/d_dists_b_main_binary-amd64_Packages", MAIN),
        ("var/lib/apt/lists/d_dists_b-security_InRelease", "Label: Debian-Security\nSuite: stable-security\n"),
        ("var/lib/apt/lists/d_dists_b-security_main_binary-amd64_Packages", SECURITY),
        (
            "var/lib/apt/lists/d_dists_b-backports_InRelease",
            "Suite: b-backports\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n",
        ),
        (
            "var/lib/apt/lists/d_dists_b-backports_main_binary-amd64_Packages",
            "Package: same\nVersion: 9\n\nPackage: ported\nVersion: 6~bpo1\n",
        ),
        ("var/lib/apt/lists/d_dists_x_InRelease", "Suite: experimental\nNotAutomatic: yes\n"),
        ("var/lib/apt/lists/d_dists_x_main_binary-amd64_Packages", "Package: local\nVersion: 7\n"),
    ])
}

fn facts(tree: &Tree, now: Timestamp) -> (UpdateFacts, Gaps) {
    let root = tree.root();
    let packages = Packages::read(&root, Commands::new(false)).unwrap();
    let mut gaps = Gaps::default();
    let facts = read(&root, &packages, now, &mut gaps);
    (facts, gaps)
}

#[test]
fn candidates_are_those_apt_would_take() {
    let (facts, gaps) = facts(&tree(), Timestamp::now());
    let found: Vec<(&str, &str, bool)> = facts
        .examples
        .iter()
        .map(|update| (update.package.as_str(), update.available.as_str(), update.security))
        .collect();
    // openssl comes from the main archive, and the security archive has a newer one than the installed too.
    assert_eq!(found, [("openssl", "3.0.14-1", true), ("curl", "7.88-2", false), ("ported", "6~bpo1", false)]);
    assert_eq!((facts.packages_installed, facts.pending, facts.pending_security), (6, 3, 1));
    assert!(facts.security_source && facts.cache_fresh);
    assert!(gaps.into_vec().is_empty());
}

#[test]
fn old_lists_are_not_fresh() {
    let (facts, _) = facts(&tree(), Timestamp::now() + jiff::SignedDuration::from_hours(49));
    assert_eq!(facts.cache_age_hours, Some(49));
    assert!(!facts.cache_fresh);
}

#[test]
fn no_lists_are_no_all_clear() {
    let tree = Tree::new(&[("var/lib/dpkg/status", STATUS)]);
    let (facts, gaps) = facts(&tree, Timestamp::now());
    assert_eq!((facts.cache_age_hours, facts.cache_fresh), (None, false));
    assert!(gaps.reason("updates.pending").unwrap().contains("apt-get update"));
}

#[test]
fn compressed_lists() {
    let tree = tree();
    let mut frame = lz4_flex::frame::FrameEncoder::new(Vec::new());
    frame.write_all(b"Package: local\nVersion: 3\n").unwrap();
    tree.write("var/lib/apt/lists/e_Packages.lz4", &frame.finish().unwrap());
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(b"Package: same\nVersion: 3\n").unwrap();
    tree.write("var/lib/apt/lists/f_Packages.gz", &zip.finish().unwrap());
    let (facts, gaps) = facts(&tree, Timestamp::now());
    assert_eq!(facts.pending, 5);
    assert!(gaps.into_vec().is_empty());

    tree.write("var/lib/apt/lists/g_Packages.xz", b"?");
    let (_, gaps) = self::facts(&tree, Timestamp::now());
    assert!(gaps.reason("updates.pending").unwrap().contains("g_Packages.xz"));
    tree.write("var/lib/apt/lists/f_Packages.gz", b"not gzip");
    let (_, gaps) = self::facts(&tree, Timestamp::now());
    assert!(gaps.reason("updates.pending").unwrap().contains("f_Packages.gz"));
}

#[test]
fn lines_of_any_length_and_bytes_of_any_kind() {
    let mut list = b"Package: a\nDescription: ".to_vec();
    list.extend(std::iter::repeat_n(b'x', 600 << 10));
    list.extend(b"\nVersion: 1\n\nPackage: \xff\xfe\nVersion: 2\n\nVersion: 3\nPackage:b\nVersion:4");
    let mut seen = Vec::new();
    scan(list.as_slice(), |package, version| {
        seen.push((package.to_vec(), version.map(<[u8]>::to_vec)));
        true
    })
    .unwrap();
    // The last line has no end, so it may be cut short and is not taken.
    let versions: Vec<Vec<u8>> = seen.iter().filter_map(|(_, version)| version.clone()).collect();
    assert_eq!(versions, [b"1".to_vec(), b"2".to_vec()]);
    assert_eq!(seen.last().unwrap().0, b"b");
}

#[test]
fn security_archives_are_recognized() {
    assert!(archive("Origin: Ubuntu\nSuite: jammy-security\n").security);
    assert!(archive("Suite: oldstable\nCodename: buster/updates\n").security);
    assert!(!archive("Origin: Debian\nLabel: Debian\nSuite: oldstable-updates\nCodename: bookworm-updates\n").security);
    assert!(!archive("Suite: stable\nSHA256:\n x\nSuite: a-security\n").security);
    assert!(
        archive_of(
            "a_b_c_Packages",
            &[
                ("a_".to_owned(), Archive::default()),
                ("a_b_".to_owned(), Archive { security: true, ..Archive::default() })
            ]
        )
        .security
    );
}
