use super::fixture::{ENGINE, EVIL, Fixture};
use crate::params::encode;

/// Every page's address, with ids of the hospital.
fn every_page() -> Vec<String> {
    let evil = encode(&format!("{ENGINE}/container/{EVIL}"));
    let list = [
        "/",
        "/findings",
        "/findings?verdict=unknown",
        "/findings?check=not-privileged",
        "/findings?ephi=yes&severity=high&owner=nobody",
        "/assets",
        "/assets?sort=name&order=desc&kind=docker.container",
        "/map",
        "/controls",
        "/controls?state=failing",
        "/controls/164.312(a)(1)",
        "/checks",
        "/checks?went=failing",
        "/checks/not-privileged",
        "/sources",
        "/help",
        "/asset?id=host%3A%2F%2F1",
    ];
    let mut pages: Vec<String> = list.iter().map(|&page| page.to_owned()).collect();
    pages.push(format!("/asset?id={evil}"));
    pages.push(format!("/findings?asset={evil}&search={}", encode(EVIL)));
    pages.push(format!("/assets?search={}", encode(EVIL)));
    pages
}

#[tokio::test]
async fn every_page_shows_hostile_names_as_text() {
    let fixture = Fixture::filled().await;
    for page in every_page() {
        let answer = fixture.get(&page).await;
        let html = answer.text();
        assert_eq!(answer.status, 200, "{page}: {html}");
        for breakout in ["<script>alert", "<img", "onerror=alert(1)>", "<b>Test", "<b>bold", " style=", "javascript:"] {
            assert!(!html.contains(breakout), "{page} has {breakout}");
        }
        assert!(html.len() < 200_000, "{page} has {} bytes", html.len());
        assert!(html.contains("</html>") && html.contains("<h1"), "{page}");
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    }
}

#[tokio::test]
async fn every_page_works_before_anything_was_read() {
    let fixture = Fixture::empty().await;
    for page in every_page() {
        let answer = fixture.get(&page).await;
        let missing = page.starts_with("/asset?");
        assert_eq!(answer.status.as_u16(), if missing { 404 } else { 200 }, "{page}");
        assert!(!missing || answer.text().contains("href=\"/\""), "no way back from {page}");
    }
    let overview = fixture.get("/").await.text();
    assert_eq!(overview.matches("Not connected yet.").count(), 5);
    assert!(!overview.contains("compliant"), "a number without a source");
    assert!(overview.contains("for the first time"));
}

#[tokio::test]
async fn the_worst_comes_first_with_its_fix() {
    let fixture = Fixture::filled().await;
    let overview = fixture.get("/").await.text();
    let first = overview.split("data-live=\"first\"").nth(1).unwrap();
    let first = &first[..first.find("</section>").unwrap()];
    for part in ["the container is privileged", "Critical", "It holds ePHI", "#not-privileged\">See the fix"] {
        assert!(first.contains(part), "no {part} in {first}");
    }
    // Two of the three containers are judged: the third has an answer that is not known.
    assert!(overview.contains("<b>50%</b><span>1 of 2 compliant</span>"), "{overview}");
    assert!(overview.contains("2 of 3 judged"));
    assert_eq!(overview.matches("Not connected yet.").count(), 3);
}

#[tokio::test]
async fn an_assets_page_answers_in_order() {
    let fixture = Fixture::filled().await;
    let id = encode(&format!("{ENGINE}/container/{EVIL}"));
    let html = fixture.get(&format!("/asset?id={id}")).await.text();
    let parts = ["data-live=\"about\"", "What is wrong, and the fix", "What it touches", ">Facts<", ">History<"];
    let places: Vec<usize> = parts.iter().map(|part| html.find(part).unwrap_or_else(|| panic!("no {part}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(html.contains("Holds ePHI") && html.contains("<code>docker run --cap-drop ALL IMAGE</code>"));
    let unknown = fixture.get(&format!("/asset?id={}", encode(&format!("{ENGINE}/container/3")))).await.text();
    assert!(unknown.contains("1 could not be decided") && unknown.contains("Undetermined"));
    assert!(unknown.contains("not read"), "the gap in the facts is shown");
}

#[tokio::test]
async fn no_control_is_met_by_checks_that_decide_part_of_it() {
    let fixture = Fixture::filled().await;
    let html = fixture.get("/controls").await.text();
    assert!(html.contains("Supported in part") && html.contains("Needs a person") && html.contains("Failing"));
    assert!(!html.contains("</svg>Met<"), "a partial control is shown as met");
    let page = fixture.get("/controls/164.312(b)").await.text();
    assert!(page.contains("a person must show the rest") && page.contains("All 1 answer from 1 check pass"), "{page}");
}

#[tokio::test]
async fn pages_that_do_not_exist_show_a_way_back() {
    let fixture = Fixture::filled().await;
    for address in ["/nothing", "/checks/nothing", "/controls/nothing", "/controls?framework=nothing"] {
        let answer = fixture.get(address).await;
        assert_eq!(answer.status, 404, "{address}");
        assert!(answer.header("content-type").starts_with("text/html"), "{address}");
        assert!(answer.text().contains("To the overview"), "{address}");
    }
    assert_eq!(fixture.get("/asset").await.status, 400);
}

#[tokio::test]
async fn no_query_string_makes_a_page_or_endpoint_fail() {
    let fixture = Fixture::filled().await;
    let app = fixture.app();
    let long = format!("search={}", "%F0%9F%8F%A5".repeat(300));
    let hostile = [
        "%00",
        "id=%00",
        "search=%00",
        "search=%25%27%22%5C_",
        "cursor=zz",
        "cursor=5b5d",
        "limit=-1",
        "limit=99999999999999999999",
        "from=-1",
        "from=99999",
        "kind=%ff%fe",
        "severity=",
        "severity=x",
        "sort=;drop",
        "order=%0a",
        "check=%ED%A0%80",
        "a=b&&&=&=&%",
        "after=-9",
        "days=0",
        "category=x",
        "framework=%2e%2e",
        "state=x",
        "verdict=pass",
        "owner=%F0%9F%8F%A5",
        &long,
    ];
    let targets = [
        "/",
        "/findings",
        "/assets",
        "/asset",
        "/map",
        "/controls",
        "/checks",
        "/sources",
        "/help",
        "/api/v1/assets",
        "/api/v1/asset",
        "/api/v1/findings",
        "/api/v1/trends",
        "/api/v1/changes",
        "/api/v1/controls",
        "/api/v1/posture",
    ];
    for target in targets {
        for query in hostile {
            let answer = super::fixture::ask(app.clone(), &format!("{target}?{query}"), &[]).await;
            let text = String::from_utf8_lossy(&answer.bytes);
            assert!(matches!(answer.status.as_u16(), 200 | 400 | 404), "{target}?{query}: {} {text}", answer.status);
        }
    }
}
