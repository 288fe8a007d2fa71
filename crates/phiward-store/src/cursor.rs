//! Cursors of paged lists: the sort key of the last line given, in hexadecimal so that it travels in any URL.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// Longest cursor looked at, in characters.
const LONGEST: usize = 4096;

/// A cursor for a list with this `tag` (which list, which order) that ended at `key`.
pub(crate) fn encode<K: Serialize>(tag: &str, key: &K) -> String {
    let text = serde_json::to_string(&(tag, key)).unwrap_or_default();
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// The key in a cursor. One of another list or order is refused, as is anything the store did not make.
pub(crate) fn decode<K: DeserializeOwned>(tag: &str, cursor: &str) -> Result<K, StoreError> {
    let refused = || StoreError::Cursor(cursor.chars().filter(|c| !c.is_control()).take(40).collect());
    if cursor.len() > LONGEST || !cursor.len().is_multiple_of(2) || !cursor.is_ascii() {
        return Err(refused());
    }
    let bytes: Option<Vec<u8>> = cursor
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        })
        .collect();
    let (found, key): (String, K) = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(refused)?;
    if found == tag { Ok(key) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_cursors_are_read() {
        let cursor = encode("a", &(7i64, "näme"));
        assert_eq!(decode::<(i64, String)>("a", &cursor).expect("ours"), (7, "näme".to_owned()));
        assert!(decode::<(i64, String)>("b", &cursor).is_err());
        for bad in ["", "0", "zz", "é", "5b5d", &cursor[2..], &"00".repeat(5000)] {
            assert!(matches!(decode::<(i64, String)>("a", bad), Err(StoreError::Cursor(_))), "{bad}");
        }
    }
}
