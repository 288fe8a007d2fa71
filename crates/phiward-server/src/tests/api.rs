use std::collections::HashSet;

use super::fixture::{ENGINE, EVIL, Fixture, ask};
use crate::params::encode;

#[tokio::test]
async fn every_endpoint_answers_with_what_it_documents() {
    let fixture = Fixture::filled().await;
    let paths = [
        "assets",
        "findings",
        "checks",
        "checks/not-privileged",
        "controls",
        "controls/164.312%28a%29%281%29",
        "posture",
        "trends",
        "changes",
        "sources",
    ];
    for path in paths {
        let answer = fixture.get(&format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        answer.json();
    }
    let findings = fixture.get("/api/v1/findings?verdict=fail").await.json();
    assert_eq!(findings["total"], 1);
    let finding = &findings["items"][0];
    assert_eq!((&finding["check"], &finding["severity"]), (&"not-privileged".into(), &"critical".into()));
    assert_eq!(finding["asset"]["name"], EVIL);
    let posture = fixture.get("/api/v1/posture").await.json();
    let categories = posture["categories"].as_array().unwrap();
    assert_eq!(categories.len(), 5);
    let backup = categories.iter().find(|c| c["category"] == "data-backup").unwrap();
    assert!(backup["connected"] == false && backup.get("population").is_none());
}

#[tokio::test]
async fn an_asset_is_found_by_every_form_of_its_id() {
    let fixture = Fixture::filled().await;
    let id = format!("{ENGINE}/container/2");
    for address in [
        format!("/api/v1/assets/{}", encode(&id)),
        format!("/api/v1/assets/{id}"),
        format!("/api/v1/asset?id={}", encode(&id)),
    ] {
        let answer = fixture.get(&address).await;
        assert_eq!(answer.status, 200, "{address}");
        assert_eq!(answer.json()["id"], id, "{address}");
    }
    let evil = encode(&format!("{ENGINE}/container/{EVIL}"));
    let evil = fixture.get(&format!("/api/v1/assets/{evil}")).await.json();
    assert_eq!(evil["name"], EVIL);
    assert_eq!(evil["relations"].as_array().unwrap().len(), 4);
    for absent in ["/api/v1/assets/none", "/api/v1/assets/a%00b", "/api/v1/checks/none", "/api/v1/none"] {
        let answer = fixture.get(absent).await;
        assert_eq!(answer.status, 404, "{absent}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{absent}");
        let problem = answer.json();
        assert_eq!((&problem["status"], &problem["instance"]), (&404.into(), &absent.into()));
        assert!(problem["type"].is_string() && problem["title"].is_string() && problem["detail"].is_string());
    }
}

#[tokio::test]
async fn pages_of_a_list_give_every_asset_once() {
    let fixture = Fixture::filled().await;
    let mut seen = HashSet::new();
    let mut next = Some("/api/v1/assets?limit=2&sort=name".to_owned());
    let mut pages = 0;
    while let Some(address) = next {
        let answer = fixture.get(&address).await;
        let body = answer.json();
        assert_eq!(body["total"], 7);
        for item in body["items"].as_array().unwrap() {
            assert!(seen.insert(item["id"].as_str().unwrap().to_owned()), "{} came twice", item["id"]);
        }
        let link = answer.header("link");
        next = link.strip_prefix('<').and_then(|l| l.strip_suffix(">; rel=\"next\"")).map(str::to_owned);
        assert_eq!(next.is_some(), body["next"].is_string());
        pages += 1;
        assert!(pages < 10, "no end");
    }
    assert_eq!((seen.len(), pages), (7, 4));
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let fixture = Fixture::filled().await;
    let first = fixture.get("/api/v1/checks").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() == 66, "{tag}");
    let again = ask(fixture.app(), "/api/v1/checks", &[("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.bytes.len()), (304, 0));
    assert_eq!(again.header("etag"), tag);
    let packed = ask(fixture.app(), "/api/v1/checks", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let packed_tag = packed.header("etag").to_owned();
    assert_ne!(packed_tag, tag, "other bytes, other tag");
    let both = [("if-none-match", packed_tag.as_str()), ("accept-encoding", "gzip")];
    assert_eq!(ask(fixture.app(), "/api/v1/checks", &both).await.status, 304);
    let other = ask(fixture.app(), "/api/v1/checks", &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn metrics_say_what_the_store_says() {
    let fixture = Fixture::filled().await;
    let app = fixture.app();
    assert_eq!(ask(app.clone(), "/api/v1/assets/none", &[]).await.status, 404);
    let text = ask(app.clone(), "/metrics", &[]).await.text();
    for line in [
        "phiward_assets{kind=\"docker.container\"} 3",
        "phiward_findings_failing{severity=\"critical\"} 1",
        "phiward_assets_state{category=\"container-clusters\",state=\"undetermined\"} 1",
        "phiward_http_requests_total{method=\"GET\",route=\"/api/v1/assets/{*id}\",status=\"404\"} 1",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    assert!(!text.contains("data-backup"), "a number without a source");
    assert_eq!(ask(app.clone(), "/healthz", &[]).await.text(), "alive\n");
    assert_eq!(ask(app, "/readyz", &[]).await.text(), "ready\n");
}
