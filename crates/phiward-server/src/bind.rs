//! Where the server may listen: loopback, until sign-in and TLS exist.

use std::net::SocketAddr;

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot serve on {addr}: other machines could reach it, and phiward has no sign-in and no TLS yet, so anyone there \
     could read what is wrong with your hosts. Serve on 127.0.0.1:{port} and reach it through an SSH tunnel with the \
     same port on both ends: ssh -L {port}:127.0.0.1:{port} THIS-HOST, then open http://localhost:{port}/",
    port = addr.port()
)]
pub struct BindError {
    /// The address asked for.
    pub addr: SocketAddr,
}

/// Lets loopback addresses through and refuses every other one.
///
/// # Errors
/// [`BindError`] for an address that another machine could reach; its text says why and what to do instead.
pub fn check_bind(addr: SocketAddr) -> Result<(), BindError> {
    // `::ffff:127.0.0.1` is loopback too.
    if addr.ip().to_canonical().is_loopback() { Ok(()) } else { Err(BindError { addr }) }
}

/// The authorities under which a server on `port` is reached on its own machine.
pub fn loopback_hosts(port: u16) -> Vec<String> {
    ["localhost", "127.0.0.1", "[::1]"].iter().map(|name| format!("{name}:{port}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_only() {
        for good in ["127.0.0.1:80", "127.8.9.1:1", "[::1]:8470", "[::ffff:127.0.0.1]:8470"] {
            assert!(check_bind(good.parse().unwrap()).is_ok(), "{good}");
        }
        for bad in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "192.168.1.4:8470", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"] {
            let said = check_bind(bad.parse().unwrap()).unwrap_err().to_string();
            assert!(said.contains("ssh -L") && said.contains(bad), "{said}");
        }
    }
}
