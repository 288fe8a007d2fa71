//! Order of Debian package versions (deb-version(7)), without allocation: it runs for every line of a package list.

use std::cmp::Ordering;

/// Compares two versions: epoch, then upstream version, then revision.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left_upstream, left_revision) = split(left);
    let (right_epoch, right_upstream, right_revision) = split(right);
    number(left_epoch, right_epoch)
        .then_with(|| part(left_upstream, right_upstream))
        .then_with(|| part(left_revision, right_revision))
}

/// Epoch (empty is 0), upstream version and revision (empty is 0).
fn split(version: &str) -> (&[u8], &[u8], &[u8]) {
    let version = version.trim();
    let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.as_bytes(), upstream.as_bytes(), revision.as_bytes())
}

/// Compares digits as numbers of any length.
fn number(left: &[u8], right: &[u8]) -> Ordering {
    let left = &left[left.iter().take_while(|b| **b == b'0').count()..];
    let right = &right[right.iter().take_while(|b| **b == b'0').count()..];
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Weight of a character outside numbers: `~` sorts before the end, letters before everything else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None | Some(b'0'..=b'9') => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    }
}

fn part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        loop {
            let done = |bytes: &[u8]| bytes.first().is_none_or(u8::is_ascii_digit);
            if done(left) && done(right) {
                break;
            }
            let order = weight(left.first()).cmp(&weight(right.first()));
            if order != Ordering::Equal {
                return order;
            }
            left = left.get(1..).unwrap_or_default();
            right = right.get(1..).unwrap_or_default();
        }
        let digits = |bytes: &[u8]| bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let (left_digits, left_rest) = left.split_at(digits(left));
        let (right_digits, right_rest) = right.split_at(digits(right));
        let order = number(left_digits, right_digits);
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers() {
        // Each is lower than the next one in its row.
        let rows: &[&[&str]] = &[
            &["1.0~beta1~svn1245", "1.0~beta1", "1.0", "1.0-0.1", "1.0-1", "1.0a", "1.0+b1", "1.1"],
            &["~~", "~~a", "~", "", "a"],
            &["2.9", "2.10", "2.10.1"],
            &["9:1", "10:0"],
            &["99999", "1:0.1"],
            &["1.2.3-1", "1.2.3-1+deb12u1", "1.2.3-1+deb12u2", "1.2.3-1+deb12u10", "1.2.3-2"],
            &["3.0.11-1~deb12u2", "3.0.11-1"],
            &["5.15.0-91.101", "5.15.0-101.111"],
            &["1.0-1", "1.0.1-0"],
            &["1-1-1", "1-1-2", "1-2-1"],
            &["99999999999999999999998", "99999999999999999999999"],
        ];
        for row in rows {
            for (position, left) in row.iter().enumerate() {
                for right in &row[position + 1..] {
                    assert_eq!(compare(left, right), Ordering::Less, "{left} < {right}");
                    assert_eq!(compare(right, left), Ordering::Greater, "{right} > {left}");
                }
            }
        }
    }

    #[test]
    fn equal_versions() {
        for (left, right) in
            [("0:1.0-1", "1.0-1"), ("1.0", "1.0-0"), ("1.01", "1.1"), ("1.0-", "1.0"), ("", "0"), ("é", "é")]
        {
            assert_eq!(compare(left, right), Ordering::Equal, "{left} = {right}");
        }
    }
}
