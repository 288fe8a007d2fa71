//! How words become numbers and letters in the tables, and how text from outside is made fit for them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use phiward_core::asset::{Asset, Ephi};
use phiward_core::posture::State;
use phiward_core::words::{Category, Severity, Verdict};

/// Longest id the store takes, in bytes: both databases index it whole.
pub(crate) const LONGEST_ID: usize = 2000;
const LONGEST_SEARCH: usize = 2000;
const LONGEST_LABEL: usize = 200;
const LONGEST_SORT_NAME: usize = 120;
const MOST_WORDS: usize = 8;

/// NUL characters become U+FFFD: PostgreSQL takes none.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// At most `most` characters of a text, cleaned.
pub(crate) fn short(text: &str, most: usize) -> String {
    let text = clean(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// What lists are searched in: name, end of the id, owner, values of labels and kind, in lower case, one to a line.
/// Of a label the first 200 characters count, and of all together 2,000.
pub(crate) fn search_text(asset: &Asset) -> String {
    let tail = asset.id.0.rsplit('/').next().unwrap_or_default();
    let mut text = String::new();
    let fixed = [asset.name.as_str(), &asset.kind, tail, &asset.owner];
    for part in fixed.into_iter().chain(asset.labels.values().map(String::as_str)) {
        if part.is_empty() {
            continue;
        }
        text.extend(clean(part).chars().take(LONGEST_LABEL).flat_map(char::to_lowercase));
        text.push('\n');
        if text.len() > LONGEST_SEARCH {
            break;
        }
    }
    text
}

/// The key that sorts by name without regard to case.
pub(crate) fn sort_name(name: &str) -> String {
    clean(name).chars().flat_map(char::to_lowercase).take(LONGEST_SORT_NAME).collect()
}

/// The words of a search, cleaned and in lower case. At most eight words of 100 characters count.
pub(crate) fn words(search: &str) -> Vec<String> {
    search
        .split_whitespace()
        .take(MOST_WORDS)
        .map(|word| clean(word).chars().take(100).flat_map(char::to_lowercase).collect())
        .collect()
}

/// The LIKE pattern of texts that hold a word, with `!` as the escape. Faster on SQLite than looking for its place.
pub(crate) fn pattern(word: &str) -> String {
    let mut pattern = String::from("%");
    for c in word.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

pub(crate) fn ephi_code(ephi: Ephi) -> i64 {
    match ephi {
        Ephi::No => 0,
        Ephi::Unknown => 1,
        Ephi::Yes => 2,
    }
}

/// Anything but a clear yes or no is unknown.
pub(crate) fn ephi_of(code: i64) -> Ephi {
    match code {
        0 => Ephi::No,
        2 => Ephi::Yes,
        _ => Ephi::Unknown,
    }
}

pub(crate) fn state_code(state: State) -> i64 {
    match state {
        State::Compliant => 0,
        State::Undetermined => 1,
        State::Failing => 2,
    }
}

pub(crate) fn state_of(code: i64) -> State {
    match code {
        0 => State::Compliant,
        2 => State::Failing,
        _ => State::Undetermined,
    }
}

/// Place of a category in the letters of `states`. Kept in databases: places never change, new ones are added.
pub(crate) fn place(category: Category) -> usize {
    match category {
        Category::VirtualMachines => 0,
        Category::ContainerClusters => 1,
        Category::SystemPatching => 2,
        Category::DataBackup => 3,
        Category::DataCenter => 4,
    }
}

pub(crate) fn state_letter(state: State) -> char {
    match state {
        State::Compliant => 'c',
        State::Failing => 'f',
        State::Undetermined => 'u',
    }
}

/// States as letters, `-` where the asset has none.
pub(crate) fn states_text(states: &BTreeMap<Category, State>) -> String {
    let mut letters = ['-'; Category::ALL.len()];
    for (category, state) in states {
        letters[place(*category)] = state_letter(*state);
    }
    letters.iter().collect()
}

pub(crate) fn states_of(letters: &str) -> BTreeMap<Category, State> {
    let letters = letters.as_bytes();
    Category::ALL
        .into_iter()
        .filter_map(|category| {
            let state = match letters.get(place(category))? {
                b'c' => State::Compliant,
                b'f' => State::Failing,
                b'u' => State::Undetermined,
                _ => return None,
            };
            Some((category, state))
        })
        .collect()
}

/// Bit of a category in `change.categories`.
pub(crate) fn category_bit(category: Category) -> i64 {
    1 << place(category)
}

/// The letter of a verdict in an asset's verdict string.
pub(crate) fn letter_of(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => 'p',
        Verdict::Fail => 'f',
        Verdict::Unknown => 'u',
        Verdict::NotApplicable => 'n',
        Verdict::Excepted => 'e',
    }
}

/// The categories a change belongs to: those whose state it came with, or all of the asset's when none moved.
pub(crate) fn categories_moved(old: &str, new: &str) -> i64 {
    let (old, new) = (states_of(old), states_of(new));
    let bits = |moved_only: bool| {
        Category::ALL
            .into_iter()
            .filter(|c| if moved_only { old.get(c) != new.get(c) } else { old.contains_key(c) || new.contains_key(c) })
            .map(category_bit)
            .sum()
    };
    match bits(true) {
        0 => bits(false),
        moved => moved,
    }
}

pub(crate) fn verdict_of(letter: u8) -> Option<Verdict> {
    match letter {
        b'p' => Some(Verdict::Pass),
        b'f' => Some(Verdict::Fail),
        b'u' => Some(Verdict::Unknown),
        b'n' => Some(Verdict::NotApplicable),
        b'e' => Some(Verdict::Excepted),
        _ => None,
    }
}

/// Sort key of an asset, rising from the worst: failing before undetermined before compliant, then severity of the
/// worst failing check, then ePHI, then how many fail, then how many are unknown.
pub(crate) fn asset_order(state: State, worst: i64, ephi: Ephi, failing: i64, unknown: i64) -> i64 {
    let rank = (state_code(state) * 6 + worst) * 3 + ephi_code(ephi);
    -((rank * 1000 + failing.clamp(0, 999)) * 1000 + unknown.clamp(0, 999))
}

/// The values of `asset_order` that assets in this state have: lowest and highest.
pub(crate) fn orders_of_state(state: State) -> (i64, i64) {
    const STEP: i64 = 6 * 3 * 1_000_000;
    let code = state_code(state);
    (1 - (code + 1) * STEP, -code * STEP)
}

/// Sort key of a finding, rising from the worst: failing before unknown, then severity, then ePHI.
pub(crate) fn finding_order(verdict: Verdict, severity: Severity, ephi: Ephi) -> i64 {
    -(grade(verdict, severity) * 3 + ephi_code(ephi))
}

/// Verdict and severity of a finding as one number.
pub(crate) fn grade(verdict: Verdict, severity: Severity) -> i64 {
    i64::from(verdict == Verdict::Fail) * 6 + severity.rank()
}

pub(crate) fn grade_of_order(order: i64) -> i64 {
    -order / 3
}

pub(crate) fn of_grade(grade: i64) -> (Verdict, Severity) {
    let verdict = if grade >= 6 { Verdict::Fail } else { Verdict::Unknown };
    (verdict, Severity::from_rank(grade % 6).unwrap_or(Severity::Critical))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_letters_read_back() {
        for verdict in [Verdict::Fail, Verdict::Unknown] {
            for severity in Severity::ALL {
                for ephi in [Ephi::No, Ephi::Unknown, Ephi::Yes] {
                    let order = finding_order(verdict, severity, ephi);
                    assert_eq!(of_grade(grade_of_order(order)), (verdict, severity));
                }
            }
        }
        let states = BTreeMap::from([
            (Category::VirtualMachines, State::Failing),
            (Category::DataCenter, State::Compliant),
            (Category::SystemPatching, State::Undetermined),
        ]);
        assert_eq!(states_text(&states), "f-u-c");
        assert_eq!(states_of("f-u-c"), states);
        assert_eq!(states_of(""), BTreeMap::new());
        assert_eq!(categories_moved("f-u-c", "c-u-c"), 1);
        assert_eq!(categories_moved("f-u-c", "f-u-c"), 1 | 4 | 16);
    }

    #[test]
    fn a_state_is_a_range_of_the_asset_order() {
        for state in [State::Compliant, State::Undetermined, State::Failing] {
            let (low, high) = orders_of_state(state);
            assert_eq!(asset_order(state, 5, Ephi::Yes, 5000, 5000), low);
            assert_eq!(asset_order(state, 0, Ephi::No, 0, 0), high);
        }
        assert!(orders_of_state(State::Failing).1 < orders_of_state(State::Undetermined).0);
    }

    #[test]
    fn failing_info_sorts_before_unknown_critical_and_ephi_first() {
        use Ephi::*;
        let fail = finding_order(Verdict::Fail, Severity::Info, No);
        let unknown = finding_order(Verdict::Unknown, Severity::Critical, Yes);
        assert!(fail < unknown);
        assert!(finding_order(Verdict::Fail, Severity::High, Yes) < finding_order(Verdict::Fail, Severity::High, No));
    }

    #[test]
    fn words_are_cut_wildcards_escaped_and_nul_is_replaced() {
        assert_eq!(pattern("5%_!a"), "%5!%!_!!a%");
        assert_eq!(words(" 50%  A_b\0! "), ["50%", "a_b\u{fffd}!"]);
        assert_eq!(words(&"Ä ".repeat(20)).len(), 8);
        assert_eq!(clean("a\0b"), "a\u{fffd}b");
        assert_eq!(short("abcdef", 3), "abc…");
        assert_eq!(short("abc", 3), "abc");
    }
}
