//! Which engine release lines still get fixes.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

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

/// Packages that a distribution builds and mends itself.
const DISTRO_PACKAGES: &[&str] = &["docker.io", "docker", "moby-engine", "docker-engine"];

/// Whether the engine still gets fixes.
///
/// A distribution's own package counts by the support of the distribution's release, whose end is given by
/// `distro_ends`; an engine from elsewhere by its upstream line. Absent where neither is known.
pub(super) fn supported(version: &str, package: Option<&EnginePackage>, distro_ends: Option<&str>, now: Timestamp) -> Option<bool> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let open = |end: &str| end.parse::<Date>().ok().map(|end| today <= end);
    if package.is_some_and(|p| DISTRO_PACKAGES.contains(&p.name.as_str())) {
        return open(distro_ends?);
    }
    let version = version.trim_start_matches('v');
    let (_, end) = ENDED.iter().find(|(line, _)| version.starts_with(line))?;
    // An end in the future says that the line is supported until then.
    open(end)
}

/// The distribution's id and release, from os-release.
pub(super) fn distribution() -> Option<(String, String)> {
    let text = ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|p| std::fs::read_to_string(p).ok())?;
    let value = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim().trim_matches(['"', '\'']).to_owned());
    Some((value("ID=")?, value("VERSION_ID=")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: &str, package: Option<&str>, ends: Option<&str>, now: &str) -> Option<bool> {
        let package = package.map(|name| EnginePackage { name: name.into(), ..EnginePackage::default() });
        supported(version, package.as_ref(), ends, now.parse().unwrap())
    }

    #[test]
    fn upstream_lines_and_distribution_packages() {
        let now = "2026-11-24T00:00:00Z";
        assert_eq!(at("20.10.24", None, None, now), Some(false));
        assert_eq!(at("20.10.24+dfsg1", Some("docker.io"), Some("2028-06-30"), now), Some(true));
        assert_eq!(at("20.10.24+dfsg1", Some("docker.io"), Some("2026-06-30"), now), Some(false));
        assert_eq!(at("20.10.24+dfsg1", Some("docker.io"), None, now), None);
        assert_eq!(at("20.10.24", Some("docker-ce"), Some("2028-06-30"), now), Some(false));
        assert_eq!(at("99.1.0", None, None, now), None);
        assert_eq!(at("27.5.1", None, None, "2025-01-01T00:00:00Z"), Some(true));
    }
}
