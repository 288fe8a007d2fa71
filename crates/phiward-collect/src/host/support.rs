//! Until when vendors give security fixes for their releases.
//!
//! Dates are those of support that every user gets without paying: Debian's long-term support and Ubuntu's standard
//! support count, Debian ELTS, Ubuntu Pro and Red Hat's extended life do not. For families with minor releases the date
//! is that of the major release; an old minor release may have ended earlier.

/// `(os-release ID, release, end of security support)`. A release is compared with the whole VERSION_ID or with its
/// first part.
const SUPPORT: &[(&str, &str, &str)] = &[
    ("debian", "9", "2022-06-30"),
    ("debian", "10", "2024-06-30"),
    ("debian", "11", "2026-08-31"),
    ("debian", "12", "2028-06-30"),
    ("debian", "13", "2030-06-30"),
    ("ubuntu", "16.04", "2021-04-30"),
    ("ubuntu", "18.04", "2023-05-31"),
    ("ubuntu", "20.04", "2025-05-31"),
    ("ubuntu", "22.04", "2027-06-01"),
    ("ubuntu", "24.04", "2029-05-31"),
    ("ubuntu", "24.10", "2025-07-10"),
    ("ubuntu", "25.04", "2026-01-15"),
    ("ubuntu", "25.10", "2026-07-09"),
    ("ubuntu", "26.04", "2031-05-29"),
    ("rhel", "7", "2024-06-30"),
    ("rhel", "8", "2029-05-31"),
    ("rhel", "9", "2032-05-31"),
    ("rhel", "10", "2035-05-31"),
    ("centos", "7", "2024-06-30"),
    ("centos", "8", "2024-05-31"),
    ("centos", "9", "2027-05-31"),
    ("almalinux", "8", "2029-03-01"),
    ("almalinux", "9", "2032-05-31"),
    ("almalinux", "10", "2035-05-31"),
    ("rocky", "8", "2029-05-31"),
    ("rocky", "9", "2032-05-31"),
    ("rocky", "10", "2035-05-31"),
    ("alpine", "3.16", "2024-05-23"),
    ("alpine", "3.17", "2024-11-22"),
    ("alpine", "3.18", "2025-05-09"),
    ("alpine", "3.19", "2025-11-01"),
    ("alpine", "3.20", "2026-04-01"),
    ("alpine", "3.21", "2026-11-01"),
    ("alpine", "3.22", "2027-05-01"),
    ("alpine", "3.23", "2027-11-01"),
    ("amzn", "2", "2026-06-30"),
    ("amzn", "2023", "2029-06-30"),
];

/// Last day of the vendor's security support, `YYYY-MM-DD`; `None` for a release that is not in the table.
pub fn support_ends(id: &str, version: &str) -> Option<&'static str> {
    // Ubuntu and Alpine release with two parts, the others with one.
    let two = matches!(id, "ubuntu" | "alpine");
    let mut parts = version.split('.');
    let first = parts.next()?;
    let release = match parts.next() {
        Some(second) if two => format!("{first}.{second}"),
        _ => first.to_owned(),
    };
    SUPPORT.iter().find(|(known, known_release, _)| *known == id && *known_release == release).map(|row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_by_the_parts_that_count() {
        assert_eq!(support_ends("debian", "12"), Some("2028-06-30"));
        assert_eq!(support_ends("rhel", "9.4"), Some("2032-05-31"));
        assert_eq!(support_ends("alpine", "3.19.1"), Some("2025-11-01"));
        assert_eq!(support_ends("ubuntu", "24.04"), Some("2029-05-31"));
        assert_eq!(support_ends("amzn", "2023"), Some("2029-06-30"));
        assert_eq!(support_ends("ubuntu", "24"), None);
        assert_eq!(support_ends("debian", ""), None);
        assert_eq!(support_ends("plan9", "4"), None);
    }

    #[test]
    fn every_date_is_a_date_and_no_release_occurs_twice() {
        for (position, (id, release, date)) in SUPPORT.iter().enumerate() {
            assert!(date.parse::<jiff::civil::Date>().is_ok(), "{id} {release}");
            assert!(!SUPPORT[..position].iter().any(|row| (row.0, row.1) == (*id, *release)), "{id} {release}");
        }
    }
}
