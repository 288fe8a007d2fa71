//! What a caller needs beside readings: the client itself, and the name of what could not be reached.

use bollard::Docker;

use super::{ConnectError, DockerCollector};

impl DockerCollector {
    /// The client, for a caller that makes objects of its own on the engine (the demo).
    pub fn into_client(self) -> Docker {
        self.docker
    }
}

impl ConnectError {
    /// The engine that could not be reached, for a list of sources.
    pub fn target(&self) -> String {
        match self {
            Self::NoEngine { .. } => "Docker engine".to_owned(),
            Self::Permission { path } | Self::NoSocket { path } => format!("unix://{path}"),
            Self::Refused { address }
            | Self::Unreachable { address, .. }
            | Self::Tls { address, .. }
            | Self::Ssh { address }
            | Self::BadAddress { address, .. }
            | Self::NotAnEngine { address, .. } => address.clone(),
            Self::Context { name, .. } => format!("context {name}"),
        }
    }
}
