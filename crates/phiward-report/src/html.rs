//! The assessment as one self-contained page to mail or print: no script, nothing loaded from elsewhere.

use std::io::{self, Write};

use askama::Template;
use phiward_core::content::Content;
use phiward_core::finding::Assessment;

use crate::Options;
use crate::parts::text::Block;

mod view;

/// The page, filled from the view. Askama escapes every value.
#[derive(Template)]
#[template(path = "html/page.html")]
struct Page {
    view: view::View,
}

/// Writes the page.
pub(crate) fn write(
    assessment: &Assessment,
    content: &Content,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let view = view::View::new(assessment, content, options.version);
    Page { view }.write_into(out)
}

#[cfg(test)]
mod tests {
    use crate::Format;
    use crate::parts::fixture;

    fn page() -> String {
        let content = fixture::content();
        let assessment = fixture::assessment(&content);
        fixture::written(Format::Html, &assessment, &content, &fixture::OPTIONS)
    }

    /// Text of the page without tags, all runs of blanks made one.
    fn text(page: &str) -> String {
        let body = page.split("</style>").last().unwrap();
        let mut text = String::new();
        for (number, piece) in body.split('<').enumerate() {
            let piece = if number == 0 { piece } else { piece.split_once('>').map_or("", |(_, after)| after) };
            text.push_str(piece);
            text.push(' ');
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn hostile_names_stay_text_and_nothing_is_loaded() {
        let page = page();
        let lower = page.to_lowercase();
        assert!(page.contains("&#60;script&#62;alert(1)"), "the name is there, escaped");
        let loads = ["<script", "javascript:", "<img", "<iframe", "<link", "src=", "@import", "url(", " onload"];
        for forbidden in loads.into_iter().chain(["\u{1b}", "\u{202e}"]) {
            assert!(!lower.contains(forbidden), "{forbidden:?}");
        }
        let links = page.matches("href=\"").count();
        assert!(links > 0);
        assert_eq!(links, page.matches("href=\"#").count(), "links stay on the page");
    }

    #[test]
    fn it_says_what_to_do_first_then_state_then_detail() {
        let text = text(&page());
        let order = [
            "Do first",
            "lab-results: The container reaches the engine&#39;s socket",
            "It holds ePHI.",
            "Overall 18% compliant",
            "2 of 11 judged",
            "Virtual machines Not connected yet.",
            "unix:///run/docker.sock",
            "Missing: processes (permission denied)",
            "Critical Container does not mount the Docker socket",
            "docker inspect --format &#39;{{.Mounts}}&#39; NAME",
            "mounts could not be read: permission denied",
            "164.312(a)(1)",
            "How to read this",
        ];
        let mut from = 0;
        for piece in order {
            let found = text[from..].find(piece);
            assert!(found.is_some(), "`{piece}` is missing or out of order in:\n{}", &text[from..]);
            from += found.unwrap();
        }
    }

    #[test]
    fn each_control_has_its_state_from_the_findings() {
        let text = text(&page());
        let row = |control: &str| {
            let start = text.rfind(&format!("{control} ")).unwrap();
            text[start..].chars().take(260).collect::<String>()
        };
        assert!(row("164.312(a)(1) Access control").contains("Failing"), "{}", row("164.312(a)(1) Access"));
        assert!(row("164.312(b) Audit controls").contains("Supported in part"), "an exception is no full support");
        assert!(row("164.308(a)(5)(i) Training").contains("Needs a person"));
        assert!(!text.contains("164.312 Technical safeguards Needs"), "a heading asks for nothing");
    }

    #[test]
    fn every_anchor_leads_somewhere() {
        let page = page();
        for link in page.split("href=\"#").skip(1) {
            let id = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{id}\"")), "#{id}");
        }
    }

    #[test]
    fn severity_is_said_in_a_word_beside_each_shape() {
        let page = page();
        let body = page.split("</style>").last().unwrap();
        for pill in body.split("class=\"sev ").skip(1) {
            let pill = pill.split("</span>").next().unwrap();
            let word = pill.split("</svg>").last().unwrap().trim();
            assert!(["Critical", "High", "Medium", "Low", "Info"].contains(&word), "{pill}");
        }
    }
}
