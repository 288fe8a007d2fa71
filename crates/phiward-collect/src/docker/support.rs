//! Which engine release lines still get fixes.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::facts::EnginePackage;

/// Release lines whose end is certain: `(line, end)`. A line that is not here is unknown, not supported.
const ENDED: &[(&str, &str)] = &[
    ("17.", "2018-02-10"),
    ("18.", "2019-08-22"),
    ("19.03.", "2021-02-01"),
    ("20.10.", "2023-12-10"),
    ("23.0.", "2025-05-19"),
    ("24.0.", "2024-06-08"),
    ("26.0.", "2024-06-08"),
    ("26.1.", "2025-02-17"),
    ("27.", "2025-05-03"),
];

/// Whether the engine still gets fixes.
///
/// Debian's and Ubuntu's own package counts by the support of the distribution's release, whose end is `distro_ends`;
/// Docker's own package, and a program without a package on a machine of dpkg (`dpkg_here`), by the upstream line. Absent
/// elsewhere: whether a distribution mends an old line is not known.
pub(super) fn supported(
    version: &str,
    package: Option<&EnginePackage>,
    dpkg_here: bool,
    distro_ends: Option<&str>,
    now: Timestamp,
) -> Option<bool> {
    let today = Offset::UTC.to_datetime(now).date();
    let open = |end: &str| end.parse::<Date>().ok().map(|end| today <= end);
    match package.map(|p| p.name.as_str()) {
        Some("docker.io") => return open(distro_ends?),
        Some("docker-ce" | "docker-ee") => {}
        None if dpkg_here => {}
        _ => return None,
    }
    let version = version.trim_start_matches('v');
    let (_, end) = ENDED.iter().find(|(line, _)| version.starts_with(line))?;
    // An end in the future says that the line is supported until then.
    open(end)
}

/// Ends of the support that every user of a distribution gets, for those that build an engine themselves:
/// `(os-release ID, VERSION_ID, end)`. Debian's long-term support counts, Ubuntu Pro does not.
const DISTRIBUTIONS: &[(&str, &str, &str)] = &[
    ("debian", "10", "2024-06-30"),
    ("debian", "11", "2026-08-31"),
    ("debian", "12", "2028-06-30"),
    ("debian", "13", "2030-06-30"),
    ("ubuntu", "20.04", "2025-05-31"),
    ("ubuntu", "22.04", "2027-06-01"),
    ("ubuntu", "24.04", "2029-05-31"),
];

/// When the support of this machine's distribution ends, from os-release; absent for one that is not in the table.
pub(super) fn distribution_ends() -> Option<&'static str> {
    let text = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|p| std::fs::read_to_string(p).ok())?;
    ends_of(&text)
}

pub(super) fn ends_of(os_release: &str) -> Option<&'static str> {
    let value =
        |name: &str| os_release.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().trim_matches(['"', '\'']));
    let (id, version) = (value("ID=")?, value("VERSION_ID=")?);
    DISTRIBUTIONS.iter().find(|(i, v, _)| *i == id && *v == version).map(|(_, _, end)| *end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: &str, package: Option<&str>, ends: Option<&str>, now: &str) -> Option<bool> {
        let package = package.map(|name| EnginePackage { name: name.into(), ..EnginePackage::default() });
        supported(version, package.as_ref(), true, ends, now.parse().unwrap())
    }

    #[test]
    fn the_distribution_is_read() {
        assert_eq!(ends_of("ID=debian\nVERSION_ID=\"12\"\n"), Some("2028-06-30"));
        assert_eq!(ends_of("ID=unheard-of\nVERSION_ID=1\n"), None);
    }

    #[test]
    fn upstream_lines_and_distribution_packages() {
        let now = "2026-11-24T00:00:00Z";
        assert_eq!(at("20.10.24", None, None, now), Some(false));
        assert_eq!(at("20.10.24+dfsg1", Some("docker.io"), Some("2028-06-30"), now), Some(true));
        assert_eq!(at("20.10.24+dfsg1", Some("docker.io"), Some("2026-06-30"), now), Some(false));
        assert_eq!(at("20.10.24+dfsg1", Some("docker.io"), None, now), None);
        assert_eq!(at("20.10.24", Some("docker-ce"), Some("2028-06-30"), now), Some(false));
        assert_eq!(at("25.0.3", Some("docker"), None, now), None);
        assert_eq!(supported("20.10.24", None, false, None, now.parse().unwrap()), None);
        assert_eq!(at("99.1.0", None, None, now), None);
        assert_eq!(at("27.5.1", None, None, "2025-01-01T00:00:00Z"), Some(true));
    }
}
