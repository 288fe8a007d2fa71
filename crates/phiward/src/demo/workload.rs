//! What runs in the demo's containers: a small service that answers, writes and sends as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Runs inside a demo container.
#[derive(Args, Clone, Debug)]
pub struct Workload {
    /// Port to answer on
    #[arg(long)]
    listen: Option<u16>,
    /// Host and port to send a message to every ten seconds
    #[arg(long)]
    peer: Option<String>,
    /// Folder to write a file into every ten seconds
    #[arg(long)]
    writes: Option<PathBuf>,
    /// Keep a second program running
    #[arg(long)]
    second_process: bool,
    /// End at once
    #[arg(long)]
    exits: bool,
    /// Exit with 0 when the service at this port answers
    #[arg(long)]
    probe: Option<u16>,
}

impl Workload {
    /// Runs until it is told to stop. Faults of the surroundings are tried again, never fatal.
    pub fn run(self) -> Result<(), std::io::Error> {
        if let Some(port) = self.probe {
            return TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(2)).map(drop);
        }
        if self.exits {
            return Ok(());
        }
        if self.second_process {
            let args = ["demo", "workload", "--writes", "/data/shipped"];
            std::process::Command::new(super::image::SECOND_PROGRAM).args(args).spawn()?;
        }
        if let Some(port) = self.listen {
            let listener = TcpListener::bind(("0.0.0.0", port))?;
            std::thread::spawn(move || answer(&listener));
        }
        let mut number = 0_u64;
        loop {
            number += 1;
            if let Some(folder) = &self.writes {
                let _ = std::fs::create_dir_all(folder);
                let _ =
                    std::fs::write(folder.join(format!("message-{}", number % 10)), "made-up message, no patient\n");
            }
            if let Some(peer) = &self.peer {
                let _ = send(peer, number);
            }
            std::thread::sleep(Duration::from_secs(10));
        }
    }
}

/// Answers every connection with one line, so that a port scan sees a live service.
fn answer(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        let _ = reply(stream);
    }
}

fn reply(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut line = Vec::new();
    BufReader::new((&stream).take(4096)).read_until(b'\n', &mut line)?;
    stream.write_all(b"ACK demo\n")
}

fn send(peer: &str, number: u64) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(peer)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(format!("made-up message {number}\n").as_bytes())?;
    let mut reply = [0_u8; 64];
    stream.read(&mut reply).map(drop)
}
