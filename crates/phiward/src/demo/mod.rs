//! A small made-up hospital as real containers on the user's engine: made, and removed without a trace.

mod hospital;
mod image;
pub mod workload;

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error as DockerError;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount, MountType, NetworkCreateRequest,
    PortBinding, RestartPolicy, RestartPolicyNameEnum, VolumeCreateRequest,
};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, CreateContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder,
    RemoveVolumeOptionsBuilder, StartContainerOptions,
};
use futures_util::StreamExt;

use crate::error::{CliError, chain};
use hospital::{FRONT_NETWORK, IMAGE, LABEL, PHI_NETWORK, SERVICES, Service, VOLUME, object_name};

/// What was made or removed.
#[derive(Debug, Default)]
pub struct Count {
    pub containers: usize,
    pub networks: usize,
    pub volumes: usize,
    pub images: usize,
}

/// Makes `hospitals` copies of the hospital. `say` hears of each step.
pub async fn up(docker: &Docker, hospitals: u32, say: &impl Fn(String)) -> Result<Count, CliError> {
    if !containers(docker).await?.is_empty() {
        return Err(CliError::new("the demo is already up on this engine").help("`phiward demo down` removes it"));
    }
    let mut count = Count { images: 1, ..Count::default() };
    say(format!("building the image {IMAGE} from this program"));
    build_image(docker).await?;
    for number in 1..=hospitals {
        for (name, phi, internal) in [(PHI_NETWORK, "yes", true), (FRONT_NETWORK, "no", false)] {
            let name = object_name(number, name);
            let request = NetworkCreateRequest {
                name: name.clone(),
                internal: Some(internal),
                labels: Some(labels(number, [("phiward.phi", phi), ("phiward.owner", "platform")])),
                ..NetworkCreateRequest::default()
            };
            docker.create_network(request).await.map_err(|e| failed("make the network", &name, &e))?;
            count.networks += 1;
        }
        let volume = object_name(number, VOLUME);
        let request = VolumeCreateRequest {
            name: Some(volume.clone()),
            labels: Some(labels(number, [("phiward.phi", "yes"), ("phiward.owner", "clinical-apps")])),
            ..VolumeCreateRequest::default()
        };
        docker.create_volume(request).await.map_err(|e| failed("make the volume", &volume, &e))?;
        count.volumes += 1;
        say(format!("starting hospital {number} of {hospitals}: {} containers", SERVICES.len()));
        for service in &SERVICES {
            start(docker, number, service).await?;
            count.containers += 1;
        }
    }
    Ok(count)
}

/// Removes exactly what [`up`] made: what carries the demo's label.
pub async fn down(docker: &Docker) -> Result<Count, CliError> {
    let mut count = Count::default();
    for name in containers(docker).await? {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        docker
            .remove_container(&name, Some(options))
            .await
            .or_else(gone)
            .map_err(|e| failed("remove the container", &name, &e))?;
        count.containers += 1;
    }
    let filter = || HashMap::from([("label", vec![LABEL.to_owned()])]);
    let networks = docker
        .list_networks(Some(ListNetworksOptionsBuilder::default().filters(&filter()).build()))
        .await
        .map_err(|e| failed("list the networks of", "the engine", &e))?;
    for name in networks.into_iter().filter_map(|n| n.id) {
        docker.remove_network(&name).await.or_else(gone).map_err(|e| failed("remove the network", &name, &e))?;
        count.networks += 1;
    }
    let volumes = docker
        .list_volumes(Some(ListVolumesOptionsBuilder::default().filters(&filter()).build()))
        .await
        .map_err(|e| failed("list the volumes of", "the engine", &e))?;
    for name in volumes.volumes.unwrap_or_default().into_iter().map(|v| v.name) {
        let options = RemoveVolumeOptionsBuilder::default().build();
        docker
            .remove_volume(&name, Some(options))
            .await
            .or_else(gone)
            .map_err(|e| failed("remove the volume", &name, &e))?;
        count.volumes += 1;
    }
    let images = docker
        .list_images(Some(ListImagesOptionsBuilder::default().all(true).filters(&filter()).build()))
        .await
        .map_err(|e| failed("list the images of", "the engine", &e))?;
    for image in images {
        let options = RemoveImageOptionsBuilder::default().force(true).build();
        match docker.remove_image(&image.id, Some(options), None).await {
            Ok(_) => count.images += usize::from(!image.repo_tags.is_empty()),
            // Layers below the tagged image go with it.
            Err(DockerError::DockerResponseServerError { status_code: 404 | 409, .. }) => {}
            Err(error) => return Err(failed("remove the image", &image.id, &error)),
        }
    }
    Ok(count)
}

/// Someone else removed it first: that is what was asked for.
fn gone(error: DockerError) -> Result<(), DockerError> {
    match error {
        DockerError::DockerResponseServerError { status_code: 404, .. } => Ok(()),
        other => Err(other),
    }
}

fn failed(doing: &str, what: &str, error: &DockerError) -> CliError {
    CliError::new(format!("the engine would not {doing} {what}: {}", chain(error)))
        .help("`phiward demo down` removes what was made so far")
}

async fn containers(docker: &Docker) -> Result<Vec<String>, CliError> {
    let filters = HashMap::from([("label", vec![LABEL.to_owned()])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
    let list =
        docker.list_containers(Some(options)).await.map_err(|e| failed("list the containers of", "the demo", &e))?;
    Ok(list.into_iter().filter_map(|c| c.id).collect())
}

fn labels<const N: usize>(number: u32, extra: [(&str, &str); N]) -> HashMap<String, String> {
    let mut labels = HashMap::from([(LABEL.to_owned(), number.to_string())]);
    labels.extend(extra.into_iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.to_owned(), v.to_owned())));
    labels
}

async fn build_image(docker: &Docker) -> Result<(), CliError> {
    let dockerfile = format!(
        "FROM scratch\nLABEL {LABEL}=image\nLABEL org.opencontainers.image.title=\"phiward demo\"\nCOPY rootfs/ /\nENTRYPOINT [\"/phiward\", \"demo\", \"workload\"]\n"
    );
    let context = tokio::task::spawn_blocking(move || image::build_context(&dockerfile))
        .await
        .map_err(|e| CliError::new(format!("cannot pack the demo's image: {e}")))?
        .map_err(|e| {
            CliError::new(format!("cannot pack this program as the demo's image: {e}"))
                .help("the demo needs Linux with /proc mounted")
        })?;
    let options =
        BuildImageOptionsBuilder::default().t(&format!("{IMAGE}:latest")).rm(true).forcerm(true).q(true).build();
    let mut steps = docker.build_image(options, None, Some(bollard::body_full(context.into())));
    while let Some(step) = steps.next().await {
        let step = step.map_err(|e| failed("build the image", IMAGE, &e))?;
        if let Some(detail) = step.error_detail {
            return Err(CliError::new(format!(
                "the engine could not build the image {IMAGE}: {}",
                detail.message.unwrap_or_default()
            )));
        }
    }
    Ok(())
}

async fn start(docker: &Docker, number: u32, service: &Service) -> Result<(), CliError> {
    let name = object_name(number, service.name);
    let body = container(number, service);
    let options = CreateContainerOptionsBuilder::default().name(&name).build();
    docker.create_container(Some(options), body.clone()).await.map_err(|e| failed("make the container", &name, &e))?;
    for network in service.networks.iter().skip(1) {
        let network = object_name(number, network);
        let request = bollard::models::NetworkConnectRequest { container: name.clone(), ..Default::default() };
        docker.connect_network(&network, request).await.map_err(|e| failed("join the network", &network, &e))?;
    }
    let started = docker.start_container(&name, None::<StartContainerOptions>).await;
    match (started, service.publish) {
        (Ok(()), _) => Ok(()),
        // The usual port is taken on this machine: any free one shows the same fault.
        (Err(_), Some((address, port))) if port != 0 => {
            let options = RemoveContainerOptionsBuilder::default().force(true).build();
            docker
                .remove_container(&name, Some(options))
                .await
                .map_err(|e| failed("remove the container", &name, &e))?;
            let moved = Service { publish: Some((address, 0)), ..service.clone() };
            Box::pin(start(docker, number, &moved)).await
        }
        (Err(error), _) => Err(failed("start the container", &name, &error)),
    }
}

fn container(number: u32, service: &Service) -> ContainerCreateBody {
    let mut command: Vec<String> = Vec::new();
    let mut option = |name: &str, value: String| command.extend([name.to_owned(), value]);
    if service.port != 0 {
        option("--listen", service.port.to_string());
    }
    if let Some((peer, port)) = service.peer {
        option("--peer", format!("{}:{port}", object_name(number, peer)));
    }
    if let Some(path) = service.writes {
        option("--writes", path.to_owned());
    }
    if service.second_process {
        command.push("--second-process".to_owned());
    }
    if service.exits {
        command.push("--exits".to_owned());
    }
    let exposed = format!("{}/tcp", service.port);
    ContainerCreateBody {
        image: Some(format!("{IMAGE}:latest")),
        cmd: Some(command),
        user: service.hardened.then(|| "65532:65532".to_owned()),
        env: Some(service.environment.iter().map(|(k, v)| format!("{k}={v}")).collect()),
        exposed_ports: (service.port != 0).then(|| vec![exposed.clone()]),
        labels: Some(labels(
            number,
            [("phiward.phi", service.phi), ("phiward.owner", service.owner), ("phiward.role", service.role)],
        )),
        healthcheck: service.hardened.then(|| HealthConfig {
            test: Some(
                ["CMD", "/phiward", "demo", "workload", "--probe", &service.port.to_string()]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            interval: Some(30_000_000_000),
            timeout: Some(3_000_000_000),
            retries: Some(3),
            ..HealthConfig::default()
        }),
        host_config: Some(host_config(number, service, &exposed)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(number: u32, service: &Service, exposed: &str) -> HostConfig {
    let mut mounts = Vec::new();
    if let Some(target) = service.volume {
        mounts.push(Mount {
            target: Some(target.to_owned()),
            source: Some(object_name(number, VOLUME)),
            typ: Some(MountType::VOLUME),
            ..Mount::default()
        });
    }
    if service.docker_socket {
        mounts.push(Mount {
            target: Some("/var/run/docker.sock".to_owned()),
            source: Some("/var/run/docker.sock".to_owned()),
            typ: Some(MountType::BIND),
            ..Mount::default()
        });
    }
    let mut config = HostConfig {
        mounts: Some(mounts),
        network_mode: service.networks.first().map(|n| object_name(number, n)),
        pid_mode: service.host_pid.then(|| "host".to_owned()),
        port_bindings: service.publish.map(|(address, port)| {
            let port = if number == 1 { port } else { 0 };
            let binding = PortBinding { host_ip: Some(address.to_owned()), host_port: Some(port.to_string()) };
            HashMap::from([(exposed.to_owned(), Some(vec![binding]))])
        }),
        ..HostConfig::default()
    };
    if service.hardened {
        config.readonly_rootfs = Some(true);
        config.cap_drop = Some(vec!["ALL".to_owned()]);
        config.security_opt = Some(vec!["no-new-privileges:true".to_owned()]);
        config.memory = Some(64 << 20);
        config.nano_cpus = Some(250_000_000);
        config.pids_limit = Some(64);
        config.init = Some(false);
        config.restart_policy =
            Some(RestartPolicy { name: Some(RestartPolicyNameEnum::ON_FAILURE), maximum_retry_count: Some(5) });
        config.log_config = Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([
                ("max-size".to_owned(), "10m".to_owned()),
                ("max-file".to_owned(), "3".to_owned()),
            ])),
        });
    }
    config
}
