//! The ePHI map: where ePHI lives and flows, as a picture and in words.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::{Chrome, reply};
use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::view::map::{Flow, Picture, Size, flows, picture};
use crate::view::words;

/// Containers drawn; more are left to the list of assets.
const CONTAINERS: usize = 40;
/// Assets asked of the store: containers with what they touch.
const ASSETS: u32 = 400;

pub fn routes() -> Router<Shared> {
    Router::new().route("/map", get(page))
}

#[derive(Template)]
#[template(path = "map/page.html")]
struct Map {
    chrome: Chrome,
    sub: String,
    picture: Option<Picture>,
    flows: Vec<Flow>,
    /// What the picture leaves out; empty when it is whole.
    cut: String,
}

async fn page(State(app): State<Shared>, params: Params) -> Response {
    let result = build(&app).await;
    reply(&app, &params, result).await
}

async fn build(app: &Shared) -> Result<Map, Problem> {
    let chrome = Chrome::load(app, "/map", "ePHI map").await?;
    let map = app.store.ephi_map(ASSETS).await?;
    let picture = picture(&map, Size { containers: CONTAINERS, width: 190, gap: 60, storage: true, id: "whole" });
    let containers = chrome.counts.kinds.get("docker.container").copied().unwrap_or_default();
    let sub = format!(
        "{} with ePHI, {} where nobody has said: both are on the map",
        words::count(containers.ephi_yes, "container", "containers"),
        words::number(containers.ephi_unknown)
    );
    let left_out = picture.as_ref().map_or(0, |picture| picture.left_out);
    let cut = if left_out > 0 || map.cut {
        let known = containers.ephi_yes + containers.ephi_unknown;
        let drawn = picture.as_ref().map_or(0, |picture| i64::try_from(picture.drawn).unwrap_or(i64::MAX)).min(known);
        format!(
            "{} of {} are drawn, the worst first.",
            words::number(drawn),
            words::count(known, "container", "containers")
        )
    } else {
        String::new()
    };
    Ok(Map { sub, picture, flows: flows(&map, CONTAINERS), cut, chrome })
}
