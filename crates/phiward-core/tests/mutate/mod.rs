//! Hostile input made out of good input, the same in every run. The tests of each crate include this file by its
//! path: what reads from outside is given thousands of spoiled texts, and must neither panic nor take long.
#![allow(dead_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// The longest that any one hostile input may take, an unoptimized build on a busy machine included. Work that grows
/// with the square of a megabyte takes far longer.
pub const LIMIT: Duration = Duration::from_secs(5);

/// A xorshift generator: small, and the same in every run.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() as usize).checked_rem(end).unwrap_or(0)
    }

    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// What upsets parsers, to be put into good text.
pub const NASTY: &[&str] = &[
    "\0",
    "\n",
    "\r\n",
    "\t",
    " ",
    ":",
    "::::::::",
    "=",
    "==",
    "\"",
    "'",
    "\\",
    "\\\n",
    "#",
    ";",
    ",",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    "&",
    "*",
    "!",
    "%",
    "%00",
    "$(",
    "${x}",
    "@",
    "|",
    "../../..",
    "/",
    "//",
    "-",
    "--",
    "-1",
    "0",
    "0x",
    "00000000000000000000000001",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551616",
    "99999999999999999999999999999999999999",
    "1e999",
    "-0.0",
    "NaN",
    "null",
    "true",
    "é",
    "ß",
    "İ",
    "日本",
    "\u{202e}",
    "\u{feff}",
    "\u{fffd}",
    "e\u{301}",
    "🏥",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "!all",
    "Include /etc/*",
    "Match all",
    "include",
    "@include",
    "root",
    "<<: *a",
    "&a [*a]",
];

/// One to four changes of good bytes: cut, doubled, moved, flipped, or with something nasty in them.
pub fn bytes(rng: &mut Rng, good: &[u8]) -> Vec<u8> {
    let mut out = good.to_vec();
    for _ in 0..=rng.below(4) {
        let at = rng.below(out.len() + 1);
        let end = (at + rng.below(64)).min(out.len());
        match rng.below(12) {
            0 => out.truncate(at),
            1 => drop(out.drain(at..end)),
            2 => {
                let chunk = out[at..end].to_vec();
                for _ in 0..=rng.below(3) {
                    out.splice(at..at, chunk.iter().copied());
                }
            }
            3 if at < out.len() => out[at] ^= 1 << rng.below(8),
            4 if at < out.len() => out[at] = rng.next() as u8,
            5 => {
                let chunk: Vec<u8> = out.drain(at..end).collect();
                let to = rng.below(out.len() + 1);
                out.splice(to..to, chunk);
            }
            6 => drop(out.splice(
                at..at,
                [[0xff_u8].as_slice(), &[0xc3, 0x28], &[0xed, 0xa0, 0x80], &[0xf8]][rng.below(4)].iter().copied(),
            )),
            7 => drop(out.splice(at..at, std::iter::repeat_n(b"A9 :[({\n"[rng.below(8)], rng.below(3000)))),
            8 => number(rng, &mut out),
            _ => drop(out.splice(at..at, rng.pick(NASTY).bytes())),
        }
    }
    out
}

/// A run of digits somewhere, in place of which another number is written.
fn number(rng: &mut Rng, out: &mut Vec<u8>) {
    const NUMBERS: &[&str] =
        &["0", "-1", "1", "65536", "4294967296", "9223372036854775807", "99999999999999999999", "1.5", "7e77", ""];
    let start = rng.below(out.len());
    let Some(from) = out[start..].iter().position(u8::is_ascii_digit).map(|p| p + start) else { return };
    let until = out[from..].iter().position(|b| !b.is_ascii_digit()).map_or(out.len(), |p| p + from);
    out.splice(from..until, rng.pick(NUMBERS).bytes());
}

/// As [`bytes`], as text: what is not UTF-8 stands as the replacement character.
pub fn text(rng: &mut Rng, good: &str) -> String {
    String::from_utf8_lossy(&bytes(rng, good.as_bytes())).into_owned()
}

/// A good JSON document with one to three of its values replaced, removed, wrapped or renamed.
pub fn json(rng: &mut Rng, good: &Value) -> Value {
    let mut out = good.clone();
    for _ in 0..=rng.below(3) {
        let at = rng.below(nodes(&out));
        spoil(rng, &mut out, &mut { at });
    }
    out
}

/// A good JSON document in which some texts, numbers and switches have other values, and some fields are absent: its
/// types stay, so that what reads it with types gets to see the values.
pub fn values(rng: &mut Rng, good: &Value) -> Value {
    match good {
        Value::Object(fields) => {
            let mut out = Map::new();
            for (name, value) in fields {
                if rng.below(25) > 0 {
                    out.insert(name.clone(), values(rng, value));
                }
            }
            Value::Object(out)
        }
        Value::Array(items) => items.iter().map(|item| values(rng, item)).collect(),
        _ if rng.below(6) > 0 => good.clone(),
        Value::String(_) if rng.below(3) == 0 => Value::from(rng.pick(NASTY)),
        Value::String(s) => Value::from(text(rng, s)),
        Value::Number(_) => Value::from([i64::MIN, -1, 0, 1, 4_294_967_296, i64::MAX][rng.below(6)]),
        Value::Bool(b) => Value::Bool(!b),
        Value::Null => Value::Null,
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        _ => 0,
    }
}

fn spoil(rng: &mut Rng, value: &mut Value, at: &mut usize) -> bool {
    if *at == 0 {
        *value = match (rng.below(4), std::mem::take(value)) {
            (0, Value::String(s)) => Value::String(text(rng, &s)),
            (0, Value::Array(mut items)) => {
                let again = items.clone();
                items.extend(again);
                Value::Array(items)
            }
            (0, Value::Object(fields)) => Value::Object(fields.into_iter().filter(|_| rng.below(3) > 0).collect()),
            (1, Value::Object(fields)) => Value::Object(
                fields.into_iter().map(|(k, v)| (if rng.below(4) > 0 { k } else { text(rng, &k) }, v)).collect(),
            ),
            (1, other) => Value::Array(vec![other]),
            _ => any(rng, 3),
        };
        return true;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| spoil(rng, item, at)),
        Value::Object(fields) => fields.values_mut().any(|field| spoil(rng, field, at)),
        _ => false,
    }
}

/// Any JSON value, at most `depth` levels deep.
pub fn any(rng: &mut Rng, depth: usize) -> Value {
    match rng.below(if depth == 0 { 8 } else { 10 }) {
        0 => Value::Null,
        1 => Value::Bool(rng.below(2) == 0),
        2 => Value::from(rng.next() as i64),
        3 => Value::from([i64::MIN, -1, 0, 1, i64::MAX][rng.below(5)]),
        4 => Value::from([u64::MAX, 1 << 63, 4_294_967_296][rng.below(3)]),
        5 => Value::from([f64::MAX, -0.0, 1e-300, 0.5][rng.below(4)]),
        6 => Value::from(rng.pick(NASTY)),
        7 => Value::from("x".repeat(rng.below(200))),
        8 => Value::Array((0..rng.below(4)).map(|_| any(rng, depth - 1)).collect()),
        _ => {
            let fields: Map<String, Value> =
                (0..rng.below(4)).map(|_| (rng.pick(NASTY).to_owned(), any(rng, depth - 1))).collect();
            Value::Object(fields)
        }
    }
}

/// A megabyte each of the shapes that make careless parsers slow or deep: `part` over and over, on one line and on
/// many, brackets that never close, escapes, and one word without end.
pub fn megabytes(part: &str) -> Vec<Vec<u8>> {
    const SIZE: usize = 1 << 20;
    let over = |unit: &[u8]| -> Vec<u8> { unit.iter().copied().cycle().take(SIZE).collect() };
    let mut all = vec![
        over(b"x"),
        over(b" "),
        over(b"\n"),
        over(b"\0"),
        over(b"\xff"),
        over(b"["),
        over(b"{\"a\":"),
        over(b"("),
        over(b"\\"),
        over(b"\\\n"),
        over(b"\"'"),
        over(b"#"),
        over(b"9"),
        over(b": "),
        over(b"a=b "),
        over("日".as_bytes()),
    ];
    if !part.is_empty() {
        all.push(over(part.as_bytes()));
        all.push(over(format!("{part}\n").as_bytes()));
        all.push(over(part.replace('\n', " ").as_bytes()));
    }
    all
}

/// A megabyte of `part` over and over, each time with another number in the first word of each line, so that nothing
/// is the same as what came before.
pub fn numbered(part: &str) -> Vec<u8> {
    let mut all = String::new();
    for i in 0.. {
        if all.len() >= 1 << 20 {
            break;
        }
        for line in part.lines() {
            let at = line.find(|c: char| c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
            all.push_str(&line[..at]);
            all.push_str(&i.to_string());
            all.push_str(&line[at..]);
            all.push('\n');
        }
    }
    all.into_bytes()
}

/// Runs `work` on `input`: a panic, or more time than [`LIMIT`], fails the test and shows the input.
pub fn survives<I: AsRef<[u8]> + ?Sized, T>(what: &str, input: &I, work: impl FnOnce(&I) -> T) -> T {
    let started = Instant::now();
    let done = catch_unwind(AssertUnwindSafe(|| work(input)));
    let shown = || {
        let bytes = input.as_ref();
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(1500)]).into_owned();
        format!("{what} on {} bytes: {start:?}", bytes.len())
    };
    let took = started.elapsed();
    assert!(took < LIMIT, "{took:?} for {}", shown());
    match done {
        Ok(answer) => answer,
        Err(_) => panic!("a panic in {}", shown()),
    }
}
