//! The made-up hospital as data: which services, on which networks, with which faults.

/// Label that everything of the demo carries, with the number of the hospital.
pub const LABEL: &str = "phiward.demo";
/// Image of all services.
pub const IMAGE: &str = "phiward-demo";
/// Network that carries ePHI and has no way out.
pub const PHI_NETWORK: &str = "clinical";
/// Network that the portal and the interface engine are reached over.
pub const FRONT_NETWORK: &str = "front";
/// Volume of the database.
pub const VOLUME: &str = "records-data";

/// One service of the hospital. What is not set stays at the engine's default, which is often a fault.
#[derive(Clone, Debug, Default)]
pub struct Service {
    pub name: &'static str,
    /// `phiward.phi` label; empty leaves it out.
    pub phi: &'static str,
    pub owner: &'static str,
    pub role: &'static str,
    /// Port it serves.
    pub port: u16,
    /// Address and port on the host, when published.
    pub publish: Option<(&'static str, u16)>,
    pub networks: &'static [&'static str],
    /// Service it sends a message to every ten seconds.
    pub peer: Option<(&'static str, u16)>,
    /// Mounts the database's volume at this path.
    pub volume: Option<&'static str>,
    /// Mounts the engine's socket.
    pub docker_socket: bool,
    pub host_pid: bool,
    /// Writes files below this path, in its own layer unless a volume lies there.
    pub writes: Option<&'static str>,
    /// Keeps a second program running.
    pub second_process: bool,
    pub environment: &'static [(&'static str, &'static str)],
    /// All that a well-kept service has: own user, read-only root, no capabilities, limits, health check, log rotation.
    pub hardened: bool,
    /// Ends at once.
    pub exits: bool,
}

/// The services, one well kept and each of the others with faults that the README names.
pub const SERVICES: [Service; 8] = [
    Service {
        name: "record-service",
        phi: "yes",
        owner: "clinical-apps",
        role: "records api",
        port: 8443,
        networks: &[PHI_NETWORK],
        hardened: true,
        ..EMPTY
    },
    Service {
        name: "hl7-intake",
        phi: "yes",
        owner: "integration",
        role: "interface engine",
        port: 2575,
        publish: Some(("0.0.0.0", 2575)),
        networks: &[PHI_NETWORK, FRONT_NETWORK],
        peer: Some(("record-service", 8443)),
        writes: Some("/var/spool/hl7"),
        ..EMPTY
    },
    Service {
        name: "lab-results",
        phi: "yes",
        owner: "laboratory",
        role: "lab system",
        port: 8081,
        networks: &[PHI_NETWORK],
        docker_socket: true,
        environment: &[("LAB_DB_PASSWORD", "made-up-for-the-demo"), ("LOG_LEVEL", "info")],
        ..EMPTY
    },
    Service {
        name: "records-db",
        phi: "yes",
        owner: "clinical-apps",
        role: "database",
        port: 5432,
        networks: &[PHI_NETWORK],
        volume: Some("/var/lib/records"),
        writes: Some("/var/lib/records"),
        ..EMPTY
    },
    Service {
        name: "report-writer",
        phi: "yes",
        owner: "billing",
        role: "reports",
        port: 8090,
        networks: &[PHI_NETWORK],
        peer: Some(("records-db", 5432)),
        volume: Some("/data"),
        writes: Some("/data/reports"),
        second_process: true,
        host_pid: true,
        ..EMPTY
    },
    Service {
        name: "patient-portal",
        phi: "no",
        owner: "web",
        role: "portal",
        port: 8080,
        publish: Some(("127.0.0.1", 0)),
        networks: &[FRONT_NETWORK],
        hardened: true,
        ..EMPTY
    },
    Service { name: "image-viewer", port: 11112, publish: Some(("0.0.0.0", 0)), networks: &[FRONT_NETWORK], ..EMPTY },
    Service { name: "nightly-export", phi: "yes", role: "export", networks: &[PHI_NETWORK], exits: true, ..EMPTY },
];

const EMPTY: Service = Service {
    name: "",
    phi: "",
    owner: "",
    role: "",
    port: 0,
    publish: None,
    networks: &[],
    peer: None,
    volume: None,
    docker_socket: false,
    host_pid: false,
    writes: None,
    second_process: false,
    environment: &[],
    hardened: false,
    exits: false,
};

/// Name of an object of hospital `number` (from 1): `demo-lab-results`, `demo2-lab-results`.
pub fn object_name(number: u32, name: &str) -> String {
    if number == 1 { format!("demo-{name}") } else { format!("demo{number}-{name}") }
}
