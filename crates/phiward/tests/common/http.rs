//! A few lines of HTTP/1.1 on the serving side: a registry to push to, an authorization plugin, an engine that answers
//! nonsense. One request a connection unless the client keeps it open.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A request as it came.
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
}

/// An answer: status line without the version, headers, body. `HEAD` gets the headers alone.
pub struct Answer {
    pub status: &'static str,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn new(status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Answer { status, headers: Vec::new(), body: body.into() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

type Handler = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// Serves on a free port of loopback until the process ends; gives the port.
pub fn serve_tcp(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let handler: Handler = Arc::new(handler);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            let writer = stream.try_clone().expect("a second handle");
            std::thread::spawn(move || talk(stream, writer, &handler));
        }
    });
    port
}

/// Serves on a socket until the process ends.
pub fn serve_unix(path: &Path, handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
    let listener = UnixListener::bind(path).expect("a socket");
    let handler: Handler = Arc::new(handler);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handler = Arc::clone(&handler);
            let writer = stream.try_clone().expect("a second handle");
            std::thread::spawn(move || talk(stream, writer, &handler));
        }
    });
}

fn talk(stream: impl Read, mut writer: impl Write, handler: &Handler) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let answer = handler(&request);
        let length = answer.body.len();
        let mut head = format!("HTTP/1.1 {}\r\n", answer.status);
        if !answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let body: &[u8] = if request.method == "HEAD" { &[] } else { &answer.body };
        if writer
            .write_all(head.as_bytes())
            .and_then(|()| writer.write_all(body))
            .and_then(|()| writer.flush())
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "transfer-encoding" => chunked = value.contains("chunked"),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let start = body.len();
            body.resize(start + size, 0);
            reader.read_exact(&mut body[start..]).ok()?;
            reader.read_line(&mut String::new()).ok()?;
            if size == 0 {
                break;
            }
        }
    } else {
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
    }
    Some(Request { method, path, body })
}

/// A registry that takes everything pushed to it and keeps only its size; gives the port.
pub fn registry() -> u16 {
    let uploads = AtomicUsize::new(0);
    let sizes: Mutex<HashMap<String, usize>> = Mutex::new(HashMap::new());
    serve_tcp(move |request| {
        let path = request.path.split('?').next().unwrap_or_default().to_owned();
        let size = request.body.len();
        let mut sizes = sizes.lock().expect("no panic");
        match request.method.as_str() {
            "HEAD" => match sizes.get(path.rsplit('/').next().unwrap_or_default()) {
                Some(size) if path.contains("/blobs/") => {
                    Answer::new("200 OK", "").header("Content-Length", size.to_string())
                }
                _ => Answer::new("404 Not Found", ""),
            },
            "POST" => {
                let upload = format!("{path}{}", uploads.fetch_add(1, Ordering::Relaxed));
                Answer::new("202 Accepted", "")
                    .header("Location", upload)
                    .header("Docker-Upload-UUID", "one")
                    .header("Range", "0-0")
            }
            "PATCH" => {
                sizes.insert(path.clone(), size);
                Answer::new("202 Accepted", "")
                    .header("Location", path)
                    .header("Docker-Upload-UUID", "one")
                    .header("Range", format!("0-{}", size.saturating_sub(1)))
            }
            "PUT" => {
                let digest = request.path.split("digest=").nth(1).unwrap_or_default().replace("%3A", ":");
                let whole = size + sizes.remove(&path).unwrap_or_default();
                sizes.insert(digest.clone(), whole);
                let digest = if digest.is_empty() { sha256(&request.body) } else { digest };
                Answer::new("201 Created", "").header("Location", path).header("Docker-Content-Digest", digest)
            }
            _ => Answer::new("200 OK", "{}").header("Docker-Distribution-Api-Version", "registry/2.0"),
        }
    })
}

fn sha256(bytes: &[u8]) -> String {
    let mut child =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sha256sum runs");
    child.stdin.take().expect("stdin").write_all(bytes).expect("written");
    let output = child.wait_with_output().expect("it ends");
    format!("sha256:{}", String::from_utf8_lossy(&output.stdout).split_whitespace().next().unwrap_or_default())
}
