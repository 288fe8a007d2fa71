//! Reports: an assessment written for people (table, HTML) and for machines (JSON, CSV, SARIF).
//!
//! One file a format beside this one; what several formats share is in `parts/`. Nothing here judges: verdicts,
//! posture and the states of controls come from `phiward-core`.

use std::io::{self, Write};

use phiward_core::content::Content;
use phiward_core::finding::Assessment;

mod csv;
mod html;
mod json;
mod parts;
mod sarif;
mod table;

/// A report format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text for people at a terminal: what to do first, posture, failing checks with their remedy, what is unknown.
    Table,
    /// The whole assessment as one JSON document, `phiward.assessment/1`.
    Json,
    /// One row a finding, all verdicts.
    Csv,
    /// SARIF 2.1.0: failing and unknown findings.
    Sarif,
    /// One self-contained page to mail or print.
    Html,
}

impl Format {
    /// All formats, in the order they are offered.
    pub const ALL: [Format; 5] = [Format::Table, Format::Json, Format::Csv, Format::Sarif, Format::Html];

    /// The word used on the command line; also the name of the format's file here.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Sarif => "sarif",
            Format::Html => "html",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Format::ALL.into_iter().find(|f| f.as_str() == word)
    }

    /// Media type, for a download.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Table => "text/plain; charset=utf-8",
            Format::Json => "application/json",
            Format::Csv => "text/csv; charset=utf-8",
            Format::Sarif => "application/sarif+json",
            Format::Html => "text/html; charset=utf-8",
        }
    }
}

/// How to write a report.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Colour the table with ANSI codes. Other formats have their own colour or none.
    pub colour: bool,
    /// Columns of the terminal; `None` when there is none, which wraps the table at 100. Below 20 and above 120 it is
    /// taken for these.
    pub width: Option<u16>,
    /// Version of phiward, as it stands in the report.
    pub version: &'static str,
}

/// A report could not be written. The source says why.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the {} report; check that its target exists, has space left and may be written to", format.as_str())]
pub struct ReportError {
    /// The report being written.
    pub format: Format,
    #[source]
    pub source: io::Error,
}

impl ReportError {
    /// Whether the reader of the output went away, as `head` does: no fault of the report.
    pub fn is_closed_pipe(&self) -> bool {
        self.source.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Writes `assessment` to `out`. `content` is what judged it: the HTML report lists its controls.
///
/// # Errors
/// When `out` refuses the bytes.
pub fn write(
    format: Format,
    assessment: &Assessment,
    content: &Content,
    options: &Options,
    out: &mut dyn Write,
) -> Result<(), ReportError> {
    let mut buffer = io::BufWriter::new(out);
    let written = match format {
        Format::Table => table::write(assessment, options, &mut buffer),
        Format::Json => json::write(assessment, options, &mut buffer),
        Format::Csv => csv::write(assessment, &mut buffer),
        Format::Sarif => sarif::write(assessment, options, &mut buffer),
        Format::Html => html::write(assessment, content, options, &mut buffer),
    };
    written.and_then(|()| buffer.flush()).map_err(|source| ReportError { format, source })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::parts::fixture;

    #[test]
    fn every_file_of_the_folder_is_a_listed_format() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "rs"))
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|stem| stem != "lib")
            .collect();
        let listed: BTreeSet<String> = Format::ALL.iter().map(|f| f.as_str().to_owned()).collect();
        assert_eq!(files, listed);
    }

    #[test]
    fn words_are_read_back() {
        for format in Format::ALL {
            assert_eq!(Format::from_word(format.as_str()), Some(format));
        }
        assert_eq!(Format::from_word("xml"), None);
    }

    #[test]
    fn a_refused_write_names_the_report_and_keeps_the_reason() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let content = fixture::content();
        let assessment = fixture::assessment(&content);
        for format in Format::ALL {
            let error = write(format, &assessment, &content, &fixture::OPTIONS, &mut Full).unwrap_err();
            assert!(error.to_string().contains(&format!("the {} report", format.as_str())));
            assert_eq!(error.source.kind(), io::ErrorKind::StorageFull, "{format:?}");
            assert!(!error.is_closed_pipe());
        }
    }

    #[test]
    fn an_assessment_of_nothing_is_written_in_every_format_and_has_no_percentage() {
        let content = fixture::content();
        let assessment = fixture::nothing(&content);
        for format in Format::ALL {
            let text = fixture::written(format, &assessment, &content, &fixture::OPTIONS);
            assert!(!text.is_empty(), "{format:?}");
            if matches!(format, Format::Table | Format::Html) {
                let body = text.split("</style>").last().unwrap();
                assert!(!body.contains('%'), "{format:?} gives a number to nothing: {body}");
                assert!(body.to_lowercase().contains("not connected yet"));
            }
        }
    }
}
