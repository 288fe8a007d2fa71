//! Measures what users wait for, as whole processes where they do, and prints a table with the rival's figure beside
//! ours. Run by `make bench`; needs a Docker engine. Makes and removes its own containers.
#![allow(clippy::print_stdout, clippy::print_stderr)]

#[path = "../tests/common/content.rs"]
mod content;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::StreamExt;
use jiff::Timestamp;
use phiward_collect::docker::{ConnectOptions, DockerCollector, discover};
use phiward_core::asset::{Asset, AssetId, Status};
use phiward_core::judge::Judge;
use phiward_core::words::Verdict;
use phiward_store::Store;
use phiward_store::model::{Batch, JudgedAsset};

const PROGRAM: &str = env!("CARGO_BIN_EXE_phiward");
const RUNS: usize = 9;

struct Row {
    what: &'static str,
    ours: String,
    bound: &'static str,
    rival: &'static str,
    held: bool,
}

fn main() {
    // `cargo test --benches` runs this without `--bench`: nothing to test here.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let wanted = |name: &str| only.as_deref().is_none_or(|o| name.contains(o));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let mut rows = Vec::new();
    let demo = ["posture", "evaluations", "idle"].iter().any(|n| wanted(n));
    if demo {
        thirty_running();
    }
    if wanted("posture") {
        rows.extend(posture_of_thirty());
    }
    if wanted("evaluations") {
        rows.push(runtime.block_on(evaluations()));
    }
    if wanted("idle") {
        rows.extend(idle());
    }
    if demo {
        phiward(&["demo", "down"]);
    }
    if wanted("created") {
        rows.push(runtime.block_on(thousand_created()));
    }
    if wanted("stored") {
        rows.extend(runtime.block_on(hundred_thousand()));
    }
    print(&rows);
    if rows.iter().any(|r| !r.held) {
        std::process::exit(1);
    }
}

fn print(rows: &[Row]) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("\n{cores} cores; medians of whole processes unless said otherwise\n");
    println!("| what | phiward | bound | rival |\n| --- | --- | --- | --- |");
    for row in rows {
        let mark = if row.held { "" } else { " (not held)" };
        println!("| {} | {}{mark} | {} | {} |", row.what, row.ours, row.bound, row.rival);
    }
}

fn phiward(args: &[&str]) {
    let status = Command::new(PROGRAM).args(args).stdout(Stdio::null()).status().expect("the program starts");
    assert!(status.success(), "phiward {args:?}");
}

/// Exactly thirty running containers: five demo hospitals, one service of each stopped.
fn thirty_running() {
    phiward(&["demo", "down"]);
    phiward(&["demo", "up", "--scale", "5"]);
    for number in ["demo", "demo2", "demo3", "demo4", "demo5"] {
        let name = format!("{number}-image-viewer");
        let status = Command::new("docker").args(["stop", "-t", "0", &name]).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|s| s.success()), "docker stop {name}");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The value that 99 of 100 do not pass.
fn p99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * 99 / 100).min(values.len() - 1)]
}

/// Wall and processor seconds, and peak memory in MiB, of one whole run.
fn measure(args: &[&str]) -> (f64, f64, f64) {
    let before = children_cpu();
    let start = Instant::now();
    let mut child =
        Command::new(PROGRAM).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let mut peak = 0.0_f64;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a state") {
            break status;
        }
        peak = peak.max(memory(child.id(), "VmHWM:"));
        std::thread::sleep(Duration::from_millis(2));
    };
    assert!(status.success(), "phiward {args:?}");
    (start.elapsed().as_secs_f64(), children_cpu() - before, peak)
}

/// Processor seconds of all ended children.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("proc is mounted");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    // cutime and cstime are fields 16 and 17; the list here begins with field 3.
    (ticks(13) + ticks(14)) / 100.0
}

fn own_cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn memory(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn posture_of_thirty() -> Vec<Row> {
    let args = ["assess", "--format", "json"];
    measure(&args);
    let runs: Vec<(f64, f64, f64)> = (0..RUNS).map(|_| measure(&args)).collect();
    // The kernel counts processor time in hundredths: the mean over all runs is finer than the median of each.
    let wall = median(runs.iter().map(|r| r.0).collect());
    let cpu = runs.iter().map(|r| r.1).sum::<f64>() / runs.len() as f64;
    let peak = runs.iter().map(|r| r.2).fold(0.0, f64::max);
    vec![
        Row {
            what: "host and 30 running containers judged, wall",
            ours: format!("{wall:.2} s (1/{:.0} of 64 s)", 64.0 / wall),
            bound: "1.28 s",
            rival: "docker-bench-security 64 to 88 s",
            held: wall <= 64.0 / 50.0,
        },
        Row {
            what: "the same, processor time (mean)",
            ours: format!("{cpu:.2} s (1/{:.0} of 37 s)", 37.0 / cpu.max(0.001)),
            bound: "0.74 s",
            rival: "docker-bench-security 37 to 46 s",
            held: cpu <= 37.0 / 50.0,
        },
        Row {
            what: "the same, peak memory",
            ours: format!("{peak:.0} MiB"),
            bound: "80 MiB",
            rival: "docker-bench-security 52 to 57 MB (whole tree)",
            held: peak < 80.0,
        },
    ]
}

async fn collected() -> Vec<Asset> {
    let endpoint = discover(&ConnectOptions::from_env()).expect("an engine");
    let mut collector = DockerCollector::connect(endpoint, None).await.expect("an engine");
    collector.collect(Timestamp::now()).await.assets
}

async fn evaluations() -> Row {
    let assets = collected().await;
    let content = content::content();
    let judge = Judge::new(&content);
    let mut rates = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let mut count = 0_usize;
        while start.elapsed() < Duration::from_millis(500) {
            for asset in &assets {
                count += std::hint::black_box(judge.judge(asset)).len();
            }
        }
        rates.push(count as f64 / start.elapsed().as_secs_f64());
    }
    let rate = median(rates);
    Row {
        what: "checks evaluated on one core, facts of the 30 containers and their objects",
        ours: format!("{:.0} a second", rate),
        bound: "500,000 a second",
        rival: "",
        held: rate >= 500_000.0,
    }
}

/// `phiward up` on a free port; ended by [`stop`].
fn up(data: &Path, more: &[&str]) -> (Child, String) {
    let mut child = Command::new(PROGRAM)
        .args(["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .args(more)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut line = String::new();
    let mut reader = std::io::BufReader::new(child.stdout.take().expect("stdout"));
    std::io::BufRead::read_line(&mut reader, &mut line).expect("a line");
    std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let start = line.find("http://").unwrap_or_else(|| panic!("no address in {line:?}"));
    (child, line[start..].trim().trim_end_matches('/').to_owned())
}

fn stop(mut child: Child) {
    let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let _ = child.wait();
}

fn idle() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let (child, _) = up(folder.path(), &[]);
    std::thread::sleep(Duration::from_secs(10));
    let before = own_cpu(child.id());
    // Long enough to hold one scheduled reading of everything.
    let seconds = 320;
    std::thread::sleep(Duration::from_secs(seconds));
    let share = (own_cpu(child.id()) - before) / seconds as f64 * 100.0;
    let (now, peak) = (memory(child.id(), "VmRSS:"), memory(child.id(), "VmHWM:"));
    stop(child);
    vec![
        Row {
            what: "`up` idle beside 30 containers, memory",
            ours: format!("{now:.0} MiB (peak {peak:.0})"),
            bound: "80 MiB",
            rival: "",
            held: peak < 80.0,
        },
        Row {
            what: "the same, processor over 320 s with one whole reading",
            ours: format!("{share:.2} % of a core"),
            bound: "1 %",
            rival: "",
            held: share < 1.0,
        },
    ]
}

async fn thousand_created() -> Row {
    const COUNT: usize = 1000;
    let docker = Docker::connect_with_defaults().expect("an engine").negotiate_version().await.expect("an engine");
    let image = "phiward-bench:empty";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.tar");
    std::fs::write(&path, tar_of_nothing()).expect("written");
    let imported =
        Command::new("docker").args(["import", path.to_str().expect("a path"), image]).stdout(Stdio::null()).status();
    assert!(imported.is_ok_and(|s| s.success()), "docker import");
    let name = |i: usize| format!("phiward-bench-{i}");
    let each = futures_util::stream::iter(0..COUNT).map(|i| {
        let docker = &docker;
        async move {
            let options = CreateContainerOptionsBuilder::default().name(&name(i)).build();
            let body = ContainerCreateBody {
                image: Some(image.to_owned()),
                cmd: Some(vec!["/none".to_owned()]),
                ..Default::default()
            };
            docker.create_container(Some(options), body).await.expect("created");
        }
    });
    each.buffer_unordered(8).collect::<Vec<()>>().await;
    let args = ["assess", "--kind", "docker", "--format", "json"];
    let walls: Vec<f64> = (0..5).map(|_| measure(&args).0).collect();
    let each = futures_util::stream::iter(0..COUNT).map(|i| {
        let docker = &docker;
        async move {
            let options = RemoveContainerOptionsBuilder::default().force(true).build();
            let _ = docker.remove_container(&name(i), Some(options)).await;
        }
    });
    each.buffer_unordered(8).collect::<Vec<()>>().await;
    let _ = Command::new("docker").args(["rmi", image]).stdout(Stdio::null()).status();
    let wall = median(walls);
    Row {
        what: "1,000 created containers judged, wall",
        ours: format!("{wall:.2} s"),
        bound: "3 s",
        rival: "",
        held: wall < 3.0,
    }
}

/// A tar archive with one empty folder: an image needs at least that.
fn tar_of_nothing() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o755);
    archive.append_data(&mut header, "empty/", std::io::empty()).expect("packed");
    archive.into_inner().expect("packed")
}

/// 100,000 stored assets: copies of real facts under other names, judged for real.
async fn hundred_thousand() -> Vec<Row> {
    const COUNT: usize = 100_000;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("phiward.db").display());
    let content = Arc::new(content::content());
    {
        let store = Store::open(&url, Duration::from_secs(3600)).await.expect("opens");
        let judge = Judge::new(&content);
        let facts = |i: usize| -> serde_json::Value {
            let check = content.check("docker-socket-not-mounted").expect("a check");
            let mut facts = check.examples.pass.first().cloned().unwrap_or_default();
            facts["name"] = format!("service-{i}").into();
            facts["running"] = true.into();
            facts["privileged"] = i.is_multiple_of(50).into();
            facts["ephi"] = ["yes", "no", "unknown"][i % 3].into();
            facts["owner"] = format!("team-{}", i % 40).into();
            facts
        };
        let now = Timestamp::now();
        for chunk in (0..COUNT).collect::<Vec<_>>().chunks(2000) {
            let assets = chunk.iter().map(|i| {
                let facts = facts(*i);
                let asset = Asset {
                    id: AssetId(format!("docker://bench/container/{i:064x}")),
                    kind: "docker.container".to_owned(),
                    name: format!("service-{i}"),
                    owner: format!("team-{}", i % 40),
                    ephi: phiward_core::asset::Ephi::from_word(facts["ephi"].as_str().unwrap_or("unknown")),
                    labels: Default::default(),
                    relations: Vec::new(),
                    facts,
                    collector: "docker".to_owned(),
                    status: Status::Complete,
                    collected_at: now,
                };
                judged(&judge, asset, now)
            });
            let batch = Batch { assets: assets.collect(), content: content.digest().to_owned(), ..Batch::default() };
            store.apply(batch, now).await.expect("kept");
        }
        store.set_meta("content", content.digest()).await.expect("kept");
    }
    let (child, address) = up(folder.path(), &["--docker-host", "unix:///nonexistent/docker.sock"]);
    std::thread::sleep(Duration::from_secs(5));
    let times = |path: &dyn Fn(usize) -> String| -> Vec<f64> {
        (0..400)
            .map(|i| {
                let url = format!("{address}{}", path(i));
                let start = Instant::now();
                let mut response = ureq::get(&url).call().unwrap_or_else(|e| panic!("{url}: {e}"));
                response.body_mut().read_to_vec().expect("a body");
                start.elapsed().as_secs_f64() * 1000.0
            })
            .collect()
    };
    let overview = times(&|_| "/".to_owned());
    let search = times(&|i| format!("/assets?search=service-{}", i * 37));
    let filter = times(&|i| format!("/assets?search=team-{}&ephi=yes", i % 40));
    stop(child);
    let row = |what, values: Vec<f64>, limit: f64, bound| {
        let (mid, high) = (median(values.clone()), p99(values));
        Row { what, ours: format!("{high:.0} ms (median {mid:.0})"), bound, rival: "", held: high < limit }
    };
    vec![
        row("overview with 100,000 stored assets, p99 of 400 requests", overview, 50.0, "50 ms"),
        row("asset search among them by name, p99", search, 100.0, "100 ms"),
        row("asset search by owner and ePHI, p99", filter, 100.0, "100 ms"),
    ]
}

/// Judged for real. Of the unknown verdicts only a few are kept, as real facts would leave: the made-up ones hold little.
fn judged(judge: &Judge, asset: Asset, at: Timestamp) -> JudgedAsset {
    let mut judged = JudgedAsset::new(judge, asset, at);
    let mut unknown = 0;
    judged.findings.retain(|f| {
        unknown += usize::from(f.verdict == Verdict::Unknown);
        f.verdict == Verdict::Fail || unknown <= 3
    });
    judged
}
