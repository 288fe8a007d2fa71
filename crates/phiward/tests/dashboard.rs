//! The pages in a real browser, with real data.

mod common;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use common::browser::Page;
use common::{Folder, Up, docker, phiward};

/// Pages a reader can reach without knowing an id.
const PAGES: [&str; 8] = ["/", "/findings", "/checks", "/assets", "/controls", "/map", "/sources", "/help"];
/// Largest page, in bytes before compression.
const LARGEST: usize = 200 * 1024;

/// Most tests here share the machine; the one that measures a time has it alone.
static MACHINE: RwLock<()> = RwLock::new(());

/// A data folder, and the machine shared or alone, for as long as a test runs.
struct Held {
    folder: Folder,
    _shared: Option<RwLockReadGuard<'static, ()>>,
    _alone: Option<RwLockWriteGuard<'static, ()>>,
}

impl Held {
    fn new(alone: bool) -> Self {
        // A test that failed leaves nothing behind that another would mind.
        Held {
            folder: Folder::new(),
            _shared: (!alone).then(|| MACHINE.read().unwrap_or_else(PoisonError::into_inner)),
            _alone: alone.then(|| MACHINE.write().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

fn watching() -> Option<(Held, Up)> {
    watching_with(false)
}

fn watching_with(alone: bool) -> Option<(Held, Up)> {
    if !docker::available() {
        return None;
    }
    let held = Held::new(alone);
    let up = Up::start(&held.folder, &[]);
    up.wait_source("host");
    up.wait_source("docker");
    Some((held, up))
}

#[test]
fn a_new_fault_is_on_the_open_page_within_a_second() {
    let Some((_data, up)) = watching_with(true) else { return };
    let mut made = docker::Made::default();
    let page = Page::open(&format!("{}/findings?severity=high&kind=docker.container", up.address));
    page.eval("window.mark = 'the page was not loaded again'");
    assert!(!page.text().contains("phiward-test-live"), "left over from an earlier run");
    made.create("phiward-test-live", &["--pid", "host"]);
    std::thread::sleep(Duration::from_millis(500));
    // Made and not yet started, it is no fault of high severity.
    assert!(!page.text().contains("phiward-test-live"), "shown before it was started");
    docker::ok(&["start", "phiward-test-live"]);
    let started = Instant::now();
    let mut found = false;
    while !found && started.elapsed() < Duration::from_secs(5) {
        found = page.text().contains("phiward-test-live");
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = started.elapsed();
    assert!(found, "never shown: {}", page.text());
    assert!(took < Duration::from_secs(1), "shown only after {took:?}");
    assert_eq!(page.eval("window.mark"), "the page was not loaded again");
}

#[test]
fn every_page_fits_a_phone_and_a_desk_and_stays_small() {
    let Some((_data, up)) = watching() else { return };
    let page = Page::open(&up.address);
    let asset = up.json("/api/v1/assets?limit=1")["items"][0]["id"]
        .as_str()
        .expect("an id")
        .replace(':', "%3A")
        .replace('/', "%2F");
    let more = [
        format!("/asset?id={asset}"),
        "/controls/164.312(a)(1)".to_owned(),
        "/checks/docker-socket-not-mounted".to_owned(),
    ];
    for path in PAGES.iter().map(|p| (*p).to_owned()).chain(more) {
        let (status, body) = up.get(&path);
        assert_eq!(status, 200, "{path}");
        assert!(body.len() < LARGEST, "{path} has {} bytes", body.len());
        assert!(
            !body.contains("style=\"") && !body.contains("<script>") && !body.contains("onclick"),
            "{path} has inline style or script"
        );
        page.go(&format!("{}{path}", up.address));
        for (width, dark) in [(360, false), (360, true), (1280, false), (1280, true)] {
            page.look(width, 900, dark);
            let over = page.eval("document.documentElement.scrollWidth - window.innerWidth");
            assert!(over.as_f64().is_some_and(|o| o <= 0.0), "{path} at {width} is {over} wider than the window");
            assert_eq!(page.eval("document.querySelectorAll('h1').length"), 1, "{path}");
            assert_eq!(page.eval("document.querySelectorAll('img:not([alt])').length"), 0, "{path}");
        }
    }
}

/// Relative luminance contrast of what is written against what is behind it, for every text on the page.
const CONTRAST: &str = r#"(() => {
  const parse = c => (c.match(/[\d.]+/g) || []).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
    .reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = el => { for (let e = el; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0.99) return c; } return [255, 255, 255]; };
  const bad = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) { const el = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !el.checkVisibility() || el.closest('svg,script,style,noscript')) continue;
    const [a, b] = [lum(parse(getComputedStyle(el).color)), lum(behind(el))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.add(`${walk.currentNode.data.trim().slice(0, 30)} ${ratio.toFixed(2)}`); }
  return [...bad].slice(0, 8).join('; ');
})()"#;

#[test]
fn text_is_legible_in_both_themes() {
    let Some((_data, up)) = watching() else { return };
    let page = Page::open(&up.address);
    for path in PAGES {
        page.go(&format!("{}{path}", up.address));
        for dark in [false, true] {
            page.look(1280, 900, dark);
            assert_eq!(page.eval(CONTRAST), "", "{path}, dark: {dark}");
        }
    }
}

#[test]
fn hostile_facts_stay_text_and_run_nothing() {
    let Some((_data, up)) = watching() else { return };
    let mut made = docker::Made::default();
    let hostile = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";
    made.run(
        "phiward-test-hostile",
        &[
            "--label",
            &format!("phiward.owner={hostile}"),
            "--label",
            &format!("{hostile}=x"),
            "-e",
            &format!("{hostile}_PASSWORD=x"),
        ],
        &[],
    );
    let id = up.until("/api/v1/assets?search=phiward-test-hostile", 5, |body| {
        Some(body["items"].get(0)?["id"].as_str()?.to_owned())
    });
    let page = Page::open(&format!("{}/asset?id={}", up.address, id.replace(':', "%3A").replace('/', "%2F")));
    std::thread::sleep(Duration::from_millis(300));
    assert!(page.eval("document.title").as_str().is_some_and(|t| !t.contains("owned")));
    assert_eq!(page.eval("document.querySelectorAll('main img').length"), 0);
    assert!(page.text().contains("<script>document.title"), "the label is not shown as text");
    page.go(&format!("{}/assets?search=%3Cscript%3Edocument.title%3D%27owned%27%3C%2Fscript%3E", up.address));
    assert!(page.eval("document.title").as_str().is_some_and(|t| !t.contains("owned")));
    // Should markup slip through one day, the policy of the page stops it.
    page.eval("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">'); 0");
    std::thread::sleep(Duration::from_millis(300));
    assert_ne!(page.eval("document.title"), "1");
}

#[test]
fn pages_work_without_script() {
    let Some((_data, up)) = watching() else { return };
    let page = Page::open(&up.address);
    page.without_script();
    for path in PAGES {
        page.go(&format!("{}{path}", up.address));
    }
    page.go(&format!("{}/assets", up.address));
    let link = page.tab.find_element("main a[href*='/asset?id=']").expect("a link to an asset");
    let target = link.get_attribute_value("href").expect("readable").expect("an address");
    page.go(&format!("{}{target}", up.address));
    let heading = page.tab.find_element("main h1").expect("a heading").get_inner_text();
    assert!(
        heading.is_ok() || page.tab.get_content().is_ok_and(|html| html.contains("<h1")),
        "the asset's page is empty"
    );
    // Filters are plain forms.
    assert!(up.get("/assets").1.contains("method=\"get\""), "the search needs script");
}

#[test]
fn a_keyboard_reaches_the_content() {
    let Some((_data, up)) = watching() else { return };
    let page = Page::open(&up.address);
    page.tab.press_key("Tab").expect("pressed");
    let first = page.eval("document.activeElement.getAttribute('href')");
    assert!(first.as_str().is_some_and(|h| h.starts_with('#')), "the first stop is no skip link: {first}");
    page.tab.press_key("Enter").expect("pressed");
    page.tab.press_key("Tab").expect("pressed");
    assert_eq!(page.eval("document.querySelector('main').contains(document.activeElement)"), true);
}

#[test]
fn a_lost_connection_is_said() {
    let Some((_data, up)) = watching() else { return };
    let page = Page::open(&up.address);
    let shown = |text: &str| {
        let deadline = Instant::now() + Duration::from_secs(8);
        while !page.text().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is never shown: {}", page.text());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    shown("Live");
    up.kill();
    shown("ost");
}

#[test]
fn the_pictures_of_the_readme() {
    let Some(folder) = std::env::var_os("PHIWARD_PICTURES") else {
        eprintln!("skipped: PHIWARD_PICTURES names no folder to write pictures to");
        return;
    };
    if !docker::available() {
        return;
    }
    let held = Held::new(false);
    let mut command = phiward(&held.folder);
    command.env("PHIWARD_TITLE", "St. Example hospital").args(["up", "--listen", "127.0.0.1:0"]);
    let up = Up::spawn(command);
    up.wait_source("host");
    up.wait_source("docker");
    std::fs::create_dir_all(&folder).expect("folder made");
    let page = Page::open(&up.address);
    for path in PAGES {
        let name = if path == "/" { "overview".to_owned() } else { path.trim_start_matches('/').to_owned() };
        page.go(&format!("{}{path}", up.address));
        for (width, height, dark) in [(1280, 1040, false), (1280, 1040, true), (390, 844, false), (390, 844, true)] {
            page.look(width, height, dark);
            std::thread::sleep(Duration::from_millis(150));
            let theme = if dark { "dark" } else { "light" };
            std::fs::write(std::path::Path::new(&folder).join(format!("{name}-{width}-{theme}.png")), page.picture())
                .expect("written");
        }
    }
}
