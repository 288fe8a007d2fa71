use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt;
use jiff::Timestamp;
use phiward_core::asset::AssetId;
use phiward_store::model::{Change, ChangeKind};
use tower::ServiceExt;

use super::fixture::Fixture;

async fn listen(app: Router, address: &str, last: Option<&str>) -> BodyDataStream {
    let mut request = Request::builder().uri(address).header("host", "localhost:8470");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

/// Name and id of the next events.
async fn next(stream: &mut BodyDataStream, count: usize) -> Vec<(String, i64)> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let part =
            tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("an event").unwrap().unwrap();
        text.push_str(std::str::from_utf8(&part).unwrap());
    }
    let field =
        |event: &str, name: &str| event.lines().find_map(|l| l.strip_prefix(name)).unwrap_or("").trim().to_owned();
    text.split_terminator("\n\n").map(|event| (field(event, "event:"), field(event, "id:").parse().unwrap())).collect()
}

fn change(id: i64) -> Change {
    Change {
        id,
        at: Timestamp::now(),
        kind: ChangeKind::Appeared,
        asset: AssetId("a".to_owned()),
        asset_name: "a".to_owned(),
        asset_kind: "host".to_owned(),
        check: String::new(),
        severity: None,
        detail: String::new(),
    }
}

#[tokio::test]
async fn a_stream_resumes_where_it_broke_and_goes_on() {
    let fixture = Fixture::filled().await;
    let all = fixture.store.changes_after(0, 500).await.unwrap();
    let (first, last) = (all[0].id, all[all.len() - 1].id);
    let mut stream = listen(fixture.app(), "/api/v1/events?after=0", Some(&first.to_string())).await;
    let events = next(&mut stream, all.len()).await;
    assert_eq!(events[0], ("hello".to_owned(), first), "the header goes before the parameter");
    let ids: Vec<i64> = events[1..].iter().map(|(_, id)| *id).collect();
    assert_eq!(ids, all[1..].iter().map(|c| c.id).collect::<Vec<_>>());
    // What was replayed is not sent twice.
    fixture.changes.send(change(last)).unwrap();
    fixture.changes.send(change(last + 1)).unwrap();
    assert_eq!(next(&mut stream, 1).await, [("change".to_owned(), last + 1)]);
}

#[tokio::test]
async fn a_new_reader_gets_new_changes_only() {
    let fixture = Fixture::filled().await;
    let last = fixture.store.changes_after(0, 500).await.unwrap().last().unwrap().id;
    let mut stream = listen(fixture.app(), "/api/v1/events", None).await;
    assert_eq!(next(&mut stream, 1).await, [("hello".to_owned(), last)]);
    fixture.changes.send(change(last + 5)).unwrap();
    assert_eq!(next(&mut stream, 1).await, [("change".to_owned(), last + 5)]);
}

#[tokio::test]
async fn a_reader_that_falls_behind_is_told_to_read_anew() {
    let fixture = Fixture::empty().await;
    let mut stream = listen(fixture.app(), "/api/v1/events", None).await;
    next(&mut stream, 1).await;
    for id in 1..=20 {
        fixture.changes.send(change(id)).unwrap();
    }
    assert_eq!(next(&mut stream, 1).await[0].0, "resync");
    // And goes on with what is left.
    assert_eq!(next(&mut stream, 1).await[0], ("change".to_owned(), 17));
}

#[tokio::test]
async fn a_page_of_another_database_is_told_to_read_anew() {
    let fixture = Fixture::filled().await;
    let mut stream = listen(fixture.app(), "/api/v1/events?after=999999", None).await;
    let events = next(&mut stream, 2).await;
    assert_eq!(events[1].0, "resync");
    assert!(events[1].1 < 999_999);
}
