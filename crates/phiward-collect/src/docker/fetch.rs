//! The questions put to the engine, a bounded number at a time and none without a time limit.

use std::future::Future;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerInspectResponse, ImageHistoryResponseItem, ImageInspect, ImageSummary, Network, Volume,
};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, ListImagesOptions, ListNetworksOptions, ListVolumesOptions,
    TopOptions,
};
use futures_util::{StreamExt, stream};

use super::connect::{Endpoint, Transport};
use super::facts::{DiskUsage, LayerChanges, Processes};
use super::{layer, processes};

/// Questions open at one time.
const AT_ONCE: usize = 16;
/// Computing changes reads the disk.
const CHANGES_AT_ONCE: usize = 4;
const ANSWER: Duration = Duration::from_secs(10);
const DISK_USAGE: Duration = Duration::from_secs(3);

/// An answer, or why there is none, in words.
pub(super) type Answer<T> = Result<T, String>;

async fn ask<T>(question: impl Future<Output = Result<T, Error>>, limit: Duration) -> Result<T, Failure> {
    match tokio::time::timeout(limit, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Error::DockerResponseServerError { status_code: 404, .. })) => Err(Failure::Gone),
        Ok(Err(e)) => Err(Failure::Why(e.to_string())),
        Err(_) => Err(Failure::Why(format!("the engine did not answer within {} seconds", limit.as_secs()))),
    }
}

enum Failure {
    /// The object does not exist (any more).
    Gone,
    Why(String),
}

impl From<Failure> for String {
    fn from(failure: Failure) -> String {
        match failure {
            Failure::Gone => "it does not exist".to_owned(),
            Failure::Why(why) => why,
        }
    }
}

/// Ids and names of all containers, running or not.
pub(super) async fn container_list(docker: &Docker) -> Answer<Vec<(String, String)>> {
    let options = ListContainersOptions { all: true, ..Default::default() };
    let list = ask(docker.list_containers(Some(options)), ANSWER).await?;
    Ok(list
        .into_iter()
        .filter_map(|c| {
            let id = c.id?;
            // A link shows as a second name with two slashes.
            let names = c.names.unwrap_or_default();
            let name = names
                .iter()
                .find(|n| n.matches('/').count() == 1)
                .or(names.first())
                .map(|n| n.trim_start_matches('/').to_owned());
            let name = name.unwrap_or_else(|| id.chars().take(12).collect());
            Some((id, name))
        })
        .collect())
}

/// Inspections by id. `None` for a container that is gone.
pub(super) async fn containers(
    docker: &Docker,
    ids: Vec<(String, String)>,
) -> Vec<(String, String, Answer<Option<ContainerInspectResponse>>)> {
    stream::iter(ids)
        .map(|(id, name)| async move {
            let answer = match ask(docker.inspect_container(&id, None::<InspectContainerOptions>), ANSWER).await {
                Ok(inspect) => Ok(Some(inspect)),
                Err(Failure::Gone) => Ok(None),
                Err(Failure::Why(why)) => Err(why),
            };
            (id, name, answer)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

pub(super) async fn image_list(docker: &Docker) -> Answer<Vec<ImageSummary>> {
    Ok(ask(docker.list_images(None::<ListImagesOptions>), ANSWER).await?)
}

/// One image as asked for: its inspection (`None` when it is gone), and its history.
pub(super) struct ImageAnswer {
    pub id: String,
    pub inspect: Answer<Option<ImageInspect>>,
    pub history: Answer<Vec<ImageHistoryResponseItem>>,
}

pub(super) async fn images(docker: &Docker, ids: Vec<String>) -> Vec<ImageAnswer> {
    stream::iter(ids)
        .map(|id| async move {
            let inspect = match ask(docker.inspect_image(&id), ANSWER).await {
                Ok(inspect) => Ok(Some(inspect)),
                Err(Failure::Gone) => Ok(None),
                Err(Failure::Why(why)) => Err(why),
            };
            let history = ask(docker.image_history(&id), ANSWER).await.map_err(String::from);
            ImageAnswer { id, inspect, history }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

pub(super) async fn volume_list(docker: &Docker) -> Answer<Vec<Volume>> {
    let list = ask(docker.list_volumes(None::<ListVolumesOptions>), ANSWER).await?;
    Ok(list.volumes.unwrap_or_default())
}

pub(super) async fn network_list(docker: &Docker) -> Answer<Vec<Network>> {
    Ok(ask(docker.list_networks(None::<ListNetworksOptions>), ANSWER).await?)
}

/// Ids of the running containers joined to a network; none when the network is gone.
pub(super) async fn network_members(docker: &Docker, id: &str) -> Vec<String> {
    let answer =
        ask(docker.inspect_network(id, None::<bollard::query_parameters::InspectNetworkOptions>), ANSWER).await;
    // The keys of an overlay's other endpoints (`lb-…`, `ep-…`) are no container ids.
    answer
        .ok()
        .and_then(|n| n.containers)
        .map(|c| c.into_keys().filter(|k| k.len() == 64).collect())
        .unwrap_or_default()
}

/// Services of the swarm; a manager knows them.
pub(super) async fn count_services(docker: &Docker) -> Answer<i64> {
    let list = ask(docker.list_services(None::<bollard::query_parameters::ListServicesOptions>), ANSWER).await?;
    Ok(i64::try_from(list.len()).unwrap_or(i64::MAX))
}

/// Secrets of the swarm.
pub(super) async fn count_secrets(docker: &Docker) -> Answer<i64> {
    let list = ask(docker.list_secrets(None::<bollard::query_parameters::ListSecretsOptions>), ANSWER).await?;
    Ok(i64::try_from(list.len()).unwrap_or(i64::MAX))
}

/// Processes of several containers, with the first process and the health check of each.
pub(super) async fn tops(
    docker: &Docker,
    of: Vec<(String, i32, Vec<String>)>,
) -> Vec<(String, Answer<(Processes, Option<bool>)>)> {
    stream::iter(of)
        .map(|(id, main, test)| async move {
            let answer = top(docker, &id, main, &test).await;
            (id, answer)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Processes of a container by the engine's `top`, where /proc cannot be read.
async fn top(docker: &Docker, id: &str, main: i32, health_test: &[String]) -> Answer<(Processes, Option<bool>)> {
    let options = TopOptions { ps_args: "-eo pid,ppid,uid,tty,comm".into() };
    let answer = ask(docker.top_processes(id, Some(options)), ANSWER).await?;
    let rows = answer.processes.unwrap_or_default();
    let list = processes::from_top(&answer.titles.unwrap_or_default(), &rows)
        .ok_or("the engine listed the processes in an unknown form")?;
    let root = processes::main_tree_has_root(&list, main);
    Ok((processes::judge(&list, main, health_test, 0), root))
}

/// Changes of several containers, with the mount points of each.
pub(super) async fn changes(docker: &Docker, of: Vec<(String, Vec<String>)>) -> Vec<(String, Answer<LayerChanges>)> {
    stream::iter(of)
        .map(|(id, targets)| async move {
            let answer = ask(docker.container_changes(&id), ANSWER).await.map_err(String::from).map(|list| {
                let list: Vec<(String, i64)> =
                    list.unwrap_or_default().into_iter().map(|c| (c.path, c.kind as i64)).collect();
                layer::count(&layer::from_engine(&list), &targets, false)
            });
            (id, answer)
        })
        .buffer_unordered(CHANGES_AT_ONCE)
        .collect()
        .await
}

/// The engine's accounting of its disk. Slow on big hosts, hence the short limit.
pub(super) async fn disk_usage(docker: &Docker, endpoint: &Endpoint) -> Answer<DiskUsage> {
    let usage = ask(docker.df(None::<bollard::query_parameters::DataUsageOptions>), DISK_USAGE).await?;
    if let (Some(images), Some(containers), Some(volumes)) =
        (&usage.image_usage, &usage.container_usage, &usage.volume_usage)
    {
        return Ok(DiskUsage {
            layers_bytes: images.total_size.unwrap_or_default(),
            containers_bytes: containers.total_size.unwrap_or_default(),
            volumes_bytes: volumes.total_size.unwrap_or_default(),
            build_cache_bytes: usage.build_cache_usage.and_then(|b| b.total_size).unwrap_or_default(),
        });
    }
    // Engines before API 1.52 answer in a form that the client library no longer reads.
    match &endpoint.transport {
        Transport::Unix(path) => {
            match tokio::time::timeout(DISK_USAGE, raw_disk_usage(path, &docker.client_version().to_string())).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("the engine did not answer within {} seconds", DISK_USAGE.as_secs())),
            }
        }
        _ => Err("this engine tells its disk usage in an old form that is read from a local socket only".to_owned()),
    }
}

async fn raw_disk_usage(socket: &std::path::Path, version: &str) -> Answer<DiskUsage> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let text = |e: std::io::Error| e.to_string();
    let mut stream = tokio::net::UnixStream::connect(socket).await.map_err(text)?;
    // HTTP 1.0: the answer ends with the connection and comes in one piece.
    stream
        .write_all(format!("GET /v{version}/system/df HTTP/1.0\r\nHost: docker\r\n\r\n").as_bytes())
        .await
        .map_err(text)?;
    let mut bytes = Vec::new();
    stream.take(64 << 20).read_to_end(&mut bytes).await.map_err(text)?;
    let at = bytes.windows(4).position(|w| w == b"\r\n\r\n").ok_or("the engine's answer has no body")?;
    if !bytes.starts_with(b"HTTP/1.0 200") && !bytes.starts_with(b"HTTP/1.1 200") {
        return Err("the engine refused to tell its disk usage".to_owned());
    }
    old_disk_usage(&bytes[at + 4..])
}

pub(super) fn old_disk_usage(body: &[u8]) -> Answer<DiskUsage> {
    let answer: serde_json::Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let sum = |list: &str, field: &str| -> i64 {
        answer[list].as_array().map_or(0, |items| {
            items.iter().filter_map(|i| i.pointer(field)?.as_i64()).filter(|n| *n > 0).fold(0, i64::saturating_add)
        })
    };
    Ok(DiskUsage {
        layers_bytes: answer["LayersSize"].as_i64().ok_or("the engine's answer has no LayersSize")?,
        containers_bytes: sum("Containers", "/SizeRw"),
        volumes_bytes: sum("Volumes", "/UsageData/Size"),
        build_cache_bytes: sum("BuildCache", "/Size"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_form_of_disk_usage() {
        let body = br#"{"LayersSize":100,"Containers":[{"SizeRw":5},{}],"Volumes":[{"UsageData":{"Size":7}},{"UsageData":{"Size":-1}}],"BuildCache":null}"#;
        let usage = old_disk_usage(body).unwrap();
        assert_eq!(
            (usage.layers_bytes, usage.containers_bytes, usage.volumes_bytes, usage.build_cache_bytes),
            (100, 5, 7, 0)
        );
        assert!(old_disk_usage(b"{}").is_err());
        assert!(old_disk_usage(b"x").is_err());
    }
}
