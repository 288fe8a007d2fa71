//! Files and outputs of a machine whose owner, or whose intruder, writes them to upset the reader.

use std::io::Read;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::command::Commands;
use super::testing::Tree;
use super::utmp;
use super::*;
use crate::mutate::{self, Rng, survives};

/// A machine with every file that is read, in good order.
const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000::/home/ann:/bin/sh\nbin:x:2:2::/bin:/usr/sbin/nologin\n",
    ),
    ("etc/shadow", "root:$6$abc$def:19000:0:99999:7:::\nann:$y$j9T$x:19700:1:90:7:::\nbin:*:19000:0:99999:7:::\n"),
    ("etc/group", "root:x:0:\nsudo:x:27:ann\ndocker:x:998:ann\n"),
    (
        "etc/os-release",
        "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
    ),
    ("etc/hostname", "box\n"),
    ("etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    (
        "etc/login.defs",
        "PASS_MAX_DAYS 90\nPASS_MIN_DAYS 1\nPASS_WARN_AGE 7\nENCRYPT_METHOD YESCRYPT\nUMASK 027\nENV_SUPATH PATH=/usr/sbin:/usr/bin\n",
    ),
    (
        "etc/pam.d/common-password",
        "password requisite pam_pwquality.so retry=3\npassword [success=1 default=ignore] pam_unix.so obscure use_authtok remember=5\n",
    ),
    (
        "etc/pam.d/common-auth",
        "auth required pam_faillock.so preauth deny=5 unlock_time=900\nauth [success=1 default=ignore] pam_unix.so nullok\n",
    ),
    ("etc/pam.d/su", "auth required pam_wheel.so use_uid\n"),
    ("etc/security/pwquality.conf", "minlen = 14\nminclass = 4\ndcredit = -1\n"),
    ("etc/security/faillock.conf", "deny = 5\nunlock_time = 900\n"),
    ("etc/security/limits.conf", "* hard core 0\n"),
    ("etc/profile", "umask 027\nTMOUT=900\nreadonly TMOUT\n"),
    ("etc/environment", "PATH=\"/usr/sbin:/usr/bin:/sbin:/bin\"\n"),
    ("usr/bin/sudo", ""),
    (
        "etc/sudoers",
        "Defaults use_pty, logfile=\"/var/log/sudo.log\"\nroot ALL=(ALL:ALL) ALL\nCmnd_Alias ADM = /bin/ls, ALL\nann ALL=(root, bin) NOPASSWD: ADM : WEB = (ALL) CWD=/ NOEXEC: /bin/x\n@includedir /etc/sudoers.d\n",
    ),
    ("etc/sudoers.d/a", "%sudo ALL=(ALL) ALL\n@include /etc/sudoers.d/b\n"),
    ("etc/sudoers.d/b", "bob ALL=(ALL) NOPASSWD: ALL\n"),
    (
        "etc/ssh/sshd_config",
        "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\nPermitRootLogin no\nCiphers aes256-gcm@openssh.com,3des-cbc\nLoginGraceTime 1m30s\nListenAddress [::]:22\nMatch User x\n X11Forwarding yes\n",
    ),
    ("etc/ssh/sshd_config.d/a.conf", "PasswordAuthentication no\nClientAliveInterval 5m\nMaxAuthTries 4\n"),
    ("etc/ssh/ssh_host_rsa_key", "x"),
    (
        "etc/audit/audit.rules",
        "-w /etc/passwd -p wa -k identity\n-a always,exit -F arch=b64 -S adjtimex,settimeofday -k time\n-e 2\n",
    ),
    ("etc/audit/rules.d/docker.rules", "-w /etc/docker -p wa\n-a always,exit -F dir=/var/lib/docker -F perm=wa\n"),
    ("etc/audit/auditd.conf", "max_log_file_action = keep_logs\n"),
    (
        "etc/rsyslog.conf",
        "$DefaultNetstreamDriver gtls\n$ActionSendStreamDriverMode 1\n*.* @@(o)logs.example:6514;fmt\naction(type=\"omfwd\" target=\"10.0.0.9\" port=\"6514\" protocol=\"tcp\" StreamDriver=\"gtls\" StreamDriverMode=\"1\")\n:msg, contains, \"x\" @10.0.0.8\n",
    ),
    ("etc/rsyslog.d/a.conf", "action(type=\"omrelp\" target=\"relp.example\" tls=\"on\")\n"),
    (
        "etc/syslog-ng/syslog-ng.conf",
        "destination d { network(\"logs.example\" port(6514) transport(\"tls\") tls(ca-dir(\"/x\"))); };\n",
    ),
    ("etc/systemd/journald.conf", "[Journal]\nStorage=persistent\n"),
    ("etc/systemd/timesyncd.conf", "[Time]\nNTP=0.pool.example 1.pool.example\n"),
    ("etc/systemd/coredump.conf", "[Coredump]\nStorage=none\n"),
    ("etc/chrony/chrony.conf", "pool 2.debian.pool.ntp.org iburst\nserver 10.0.0.1\n"),
    ("etc/ufw/ufw.conf", "ENABLED=yes\n"),
    (
        "etc/apt/apt.conf.d/20auto-upgrades",
        "APT::Periodic::Unattended-Upgrade \"1\";\nUnattended-Upgrade::Origins-Pattern { \"origin=Debian,label=Debian-Security\"; /* x */ };\n",
    ),
    ("usr/bin/unattended-upgrade", ""),
    (
        "var/lib/dpkg/status",
        "Package: openssl\nStatus: install ok installed\nVersion: 3.0.11-1\n\nPackage: sudo\nStatus: hold ok installed\nVersion: 1:1.9.13p3-1+deb12u1\n",
    ),
    (
        "var/lib/apt/lists/x_dists_bookworm-security_InRelease",
        "Label: Debian-Security\nSuite: stable-security\nNotAutomatic: no\nSHA256:\n a 1 b\n",
    ),
    (
        "var/lib/apt/lists/x_dists_bookworm-security_main_binary-amd64_Packages",
        "Package: openssl\nVersion: 3.0.13-1~deb12u1\n\nPackage: other\nVersion: 1\n",
    ),
    ("boot/grub/grub.cfg", "set superusers=\"root\"\npassword_pbkdf2 root grub.pbkdf2.x\n"),
    ("boot/vmlinuz-6.1.0-25-amd64", ""),
    ("lib/modules/6.1.0-26-amd64/x", ""),
    ("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", "\u{6}\0\0\0\u{1}"),
    ("sys/kernel/security/lockdown", "none [integrity] confidentiality\n"),
    ("sys/kernel/security/apparmor/profiles", "docker-default (enforce)\n"),
    ("sys/module/apparmor/parameters/enabled", "Y\n"),
    ("sys/devices/system/cpu/vulnerabilities/mds", "Mitigation: Clear CPU buffers\n"),
    ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
    ("proc/uptime", "3601.22 7000.00\n"),
    ("proc/version", "Linux version 6.1.0-25-amd64 (x) #1 SMP Debian 6.1.106-3 (2024-08-26)\n"),
    ("proc/loadavg", "0.52 0.58 0.59 1/467 12345\n"),
    ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu hypervisor\n\nprocessor\t: 1\n"),
    ("proc/meminfo", "MemTotal:       16384000 kB\nMemFree:  1000 kB\nMemAvailable:    8192000 kB\n"),
    ("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0 partition 1 0 1\n/swap\\040file file 1 0 -2\n"),
    ("proc/modules", "sctp 1 0 - Live 0\next4 1 0\n"),
    ("proc/sys/kernel/osrelease", "6.1.0-25-amd64\n"),
    ("proc/sys/kernel/hostname", "box\n"),
    ("proc/sys/kernel/arch", "x86_64\n"),
    ("proc/sys/kernel/core_pattern", "|/lib/systemd/systemd-coredump %P\n"),
    ("proc/sys/kernel/randomize_va_space", "2\n"),
    ("proc/sys/net/ipv4/ip_forward", "1\n"),
    (
        "proc/1/mountinfo",
        "22 27 0:21 / /proc rw,relatime - proc proc rw\n27 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw\n28 27 254:1 / /my\\040data rw,nodev master:1 - xfs /dev/vda2 rw\n29 27 0:40 / /m rw - overlay overlay rw,lowerdir=/a,upperdir=/b\\,c,workdir=/w\n",
    ),
    ("proc/1/comm", "systemd\n"),
    ("proc/1/status", "Name:\tsystemd\nUid:\t0\t0\t0\t0\nNSpid:\t1\n"),
    ("proc/7/comm", "rsyslogd\n"),
    ("proc/7/status", "Name:\trsyslogd\nUid:\t0\t0\t0\t0\nNSpid:\t7\n"),
    ("proc/7/cgroup", "0::/system.slice/rsyslog.service\n"),
    ("proc/8/comm", "systemd-journal\n"),
    ("proc/9/comm", "chronyd\n"),
    (
        "proc/net/if_inet6",
        "fe800000000000000242acfffe110002 02 40 20 80 eth0\n2001000000000000000000000000000f 02 40 00 80 eth0\n",
    ),
    (
        "proc/1/net/tcp",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   999        0 14217 1 x\n   1: 00000000:0016 00000000:0000 0A 0:0 0:0 0 0 0 555\n",
    ),
    (
        "proc/1/net/tcp6",
        "  sl\n   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 556\n",
    ),
    ("proc/1/net/udp", "  sl\n   0: 00000000:0202 00000000:0000 07 0:0 0:0 0 0 0 557\n"),
    ("var/log/wtmp", ""),
    ("var/log/btmp", ""),
    ("root/.ssh/authorized_keys", "ssh-ed25519 AAAA x\n# c\n"),
];

fn file(path: &str) -> &'static str {
    FILES.iter().find(|(name, _)| *name == path).unwrap().1
}

const NOW: i64 = 1_700_000_000;

fn machine() -> Tree {
    let tree = Tree::new(FILES);
    let records = [
        utmp::tests::bytes(7, 1_699_999_000, "pts/0", "198.51.100.7"),
        utmp::tests::bytes(6, 1_699_999_900, "ssh", "x"),
    ];
    tree.write("var/log/wtmp", &records.concat());
    tree.write("var/log/btmp", &records.concat());
    tree
}

fn read_all(tree: &Tree) -> Asset {
    let options = HostOptions { root: tree.path().to_path_buf(), labels: BTreeMap::new(), run_commands: true };
    let mut collection = collect(&options, Timestamp::from_second(NOW).unwrap());
    let asset = collection.assets.pop().unwrap();
    assert!(serde_json::from_value::<HostFacts>(asset.facts.clone()).is_ok(), "the document no longer has its shape");
    assert_ne!(asset.status.word(), "failed");
    let panicked = asset.status.why_missing("updates").is_some_and(|why| why.contains("a defect of phiward"));
    assert!(!panicked, "the thread of the package lists ended");
    asset
}

#[test]
fn spoiled_files_give_facts_or_gaps() {
    let tree = machine();
    let good = read_all(&tree).facts;
    assert_eq!(good.pointer("/sudo/nopasswd_all"), Some(&serde_json::json!(["ann", "bob"])));
    let mut rng = Rng::new(11);
    for _ in 0..150 {
        let mut spoiled = Vec::new();
        let mut shown = String::new();
        for _ in 0..5 {
            let (path, text) = FILES[rng.below(FILES.len())];
            let bytes = mutate::bytes(&mut rng, text.as_bytes());
            shown.push_str(&format!("{path}: {}\n", String::from_utf8_lossy(&bytes[..bytes.len().min(300)])));
            tree.write(path, &bytes);
            spoiled.push((path, text));
        }
        survives("reading the host", &shown, |_| read_all(&tree));
        for (path, text) in spoiled {
            tree.write(path, text.as_bytes());
        }
    }
}

#[test]
fn a_megabyte_in_any_file_is_read_in_time() {
    let tree = machine();
    for (path, text) in FILES.iter().filter(|(_, text)| text.len() > 20) {
        let bytes = mutate::numbered(text);
        tree.write(path, &bytes);
        survives(path, &bytes, |_| read_all(&tree));
        tree.write(path, text.as_bytes());
    }
}

#[test]
fn no_shape_of_a_large_file_is_slow_or_deep() {
    let tree = machine();
    for shape in mutate::megabytes("") {
        for (path, _) in FILES.iter().filter(|(path, text)| !text.is_empty() && !path.starts_with("proc/1/comm")) {
            tree.write(path, &shape[..64 << 10]);
        }
        survives("every file", &shape, |_| read_all(&tree));
    }
}

type Plain = fn(&str);
type Parser = Box<dyn Fn(&str)>;

#[test]
fn what_opens_and_never_closes_is_not_gone_through_for_each_opening() {
    let all: [(&str, &str, Plain); 6] = [
        ("rsyslog", "action(", |text| drop(forwarding::rsyslog(&[text.to_owned()]))),
        ("rsyslog", "action(type=\"omfwd\" target=\"x\" ", |text| drop(forwarding::rsyslog(&[text.to_owned()]))),
        ("syslog-ng", "destination network(tcp(udp(", |text| drop(forwarding::syslog_ng(&[text.to_owned()]))),
        ("syslog-ng", "network(", |text| drop(forwarding::syslog_ng(&[format!("destination {text}")]))),
        ("apt.conf", "a { b \"c\"; ", |text| drop(apt_conf::parse(text))),
        ("apt.conf", "/* { ", |text| drop(apt_conf::parse(text))),
    ];
    for (what, part, parse) in all {
        survives(what, &part.repeat((1 << 20) / part.len()), |text: &String| parse(text));
        let closed = part.repeat(1 << 14) + &")".repeat(1 << 15) + &"};".repeat(1 << 14);
        survives(what, &closed, |text: &String| parse(text));
    }
}

#[test]
fn files_that_include_each_other_end() {
    let many = "@includedir /etc/sudoers.d\n@include /etc/sudoers\n".repeat(10);
    let tree = Tree::new(&[
        ("usr/bin/sudo", ""),
        ("etc/sudoers", &many),
        ("etc/sudoers.d/a", &many),
        ("etc/sudoers.d/b", &many),
    ]);
    let mut gaps = Gaps::default();
    let facts = survives("sudoers", &many, |_| sudo::read(&tree.root(), None, &mut gaps)).unwrap();
    // What the rules say is not known, and must not be taken for an answer.
    assert!(facts.nopasswd_all.is_empty() && gaps.reason("sudo.nopasswd_all").unwrap().contains("files are included"));

    let many = "Include /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*\n".repeat(10);
    let tree = Tree::new(&[("etc/ssh/sshd_config", &many), ("etc/ssh/sshd_config.d/a", &many)]);
    let mut gaps = Gaps::default();
    let read = |gaps: &mut Gaps| sshd::read(&tree.root(), Commands::new(false), None, gaps);
    assert!(survives("sshd_config", &many, |_| read(&mut gaps)).is_none());
    assert!(gaps.reason("sshd").unwrap().contains("files are included"));
}

#[test]
fn a_pipe_in_place_of_a_file_does_not_hold_the_reader() {
    let tree = machine();
    let path = tree.path().join("etc/sudoers");
    std::fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    let asset = survives("a pipe", "", |_| read_all(&tree));
    assert!(asset.status.why_missing("sudo.nopasswd_all").unwrap().contains("no regular file"));
}

/// Chains of which each jumps to the next one several times: every path through them is one of 8 to the 40th.
#[test]
fn packet_filter_rules_that_branch_are_judged_once_each() {
    let chains: Vec<ruleset::Chain> = (0..40)
        .map(|i| ruleset::Chain {
            table: "t".into(),
            name: format!("c{i}"),
            input: i == 0,
            policy_refuses: i == 0,
            ipv4: true,
            ipv6: true,
            rules: (0..8)
                .map(|_| ruleset::Rule { verdict: ruleset::Verdict::Jump(format!("c{}", (i + 1) % 40)), always: true })
                .collect(),
        })
        .collect();
    let meaning = survives("rules", "40 chains", |_| ruleset::judge(&chains, true));
    assert!(meaning.active && !meaning.default_deny, "what lies too deep to be seen is not called refused");
    assert_eq!(meaning.rules, 320);
}

#[test]
fn spoiled_outputs_of_commands() {
    const NFT: &str = r#"{"nftables":[{"metainfo":{"version":"1.0"}},{"chain":{"family":"inet","table":"filter","name":"input","type":"filter","hook":"input","prio":0,"policy":"drop"}},{"chain":{"family":"inet","table":"filter","name":"sub"}},{"rule":{"family":"inet","table":"filter","chain":"input","expr":[{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lo"}},{"accept":null}]}},{"rule":{"family":"inet","table":"filter","chain":"input","expr":[{"counter":{"packets":1}},{"jump":{"target":"sub"}}]}},{"rule":{"family":"inet","table":"filter","chain":"sub","expr":[{"vmap":{"data":{"set":[["a",{"drop":null}]]}}},{"xt":{"type":"target","name":"REJECT"}}]}}]}"#;
    const IPTABLES: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n:ufw-x - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -m comment --comment \"a b\" -j ufw-x\n-A ufw-x -p tcp -m tcp --dport 22 -j RETURN\n-A DOCKER-USER -j RETURN\nCOMMIT\n";
    const SSHD: &str = "port 22\nlistenaddress [::]:22\npermitrootlogin without-password\nlogingracetime 120\nclientaliveinterval 300\nclientalivecountmax 3\nciphers aes256-ctr,3des-cbc\nbanner none\n";
    const DNF: &str = "openssl.x86_64  1:3.0.7-27.el9  baseos\nzlib.x86_64 1.2-1 x\nObsoleting Packages\n";
    const ADVISORIES: &str = "RHSA-1 Important/Sec. openssl-1:3.0.7-27.el9.x86_64\n";
    let judge = |chains: &[ruleset::Chain]| {
        let _ = ruleset::judge(chains, true);
    };
    let parsers: Vec<(&str, &str, Parser)> = vec![
        ("nft", NFT, Box::new(move |text| firewall::nft(text).iter().for_each(|chains| judge(chains)))),
        ("iptables", IPTABLES, Box::new(move |text| judge(&firewall::iptables(text, "iptables-save", false)))),
        (
            "if_inet6",
            file("proc/net/if_inet6"),
            Box::new(|text| {
                let _ = firewall::ipv6_in_use(text);
            }),
        ),
        ("sshd -T", SSHD, Box::new(|text| drop(sshd::judge(&sshd_config::effective(text))))),
        (
            "auditctl -l",
            "-w /etc/passwd -p wa -k x\n-a always,exit -S open -F dir=/x -F perm=wa\n",
            Box::new(|text| {
                audit::fill(&audit::parse(&[text.to_owned()]), &mut facts::AuditFacts::default());
            }),
        ),
        (
            "chronyc",
            "Reference ID : x\nLeap status     : Normal\n",
            Box::new(|text| {
                let _ = time_sync::chrony_synchronized(text);
            }),
        ),
        (
            "timedatectl",
            "NTPSynchronized=yes\n",
            Box::new(|text| {
                let _ = time_sync::systemd_synchronized(text);
            }),
        ),
        (
            "adjtimex",
            "  status: 0x2001 (PLL)\n",
            Box::new(|text| {
                let _ = time_sync::kernel_synchronized(text);
            }),
        ),
        ("apk", "libcrypto3-3.1.4-r0 < 3.1.5-r0\n", Box::new(|text| drop(updates::apk_pending(text)))),
        ("dnf", DNF, Box::new(|text| drop(updates::dnf_pending(text, ADVISORIES, &Packages::default())))),
        ("dnf updateinfo", ADVISORIES, Box::new(|text| drop(updates::dnf_pending(DNF, text, &Packages::default())))),
        ("rpm", "bash\t5.1-9\n", Box::new(|text| drop(packages::rpm_list(text)))),
        ("passwd", file("etc/passwd"), Box::new(|text| drop(crate::files::Names::parse(text, text)))),
    ];
    let mut rng = Rng::new(12);
    for (what, good, parse) in &parsers {
        for _ in 0..150 {
            survives(what, &mutate::text(&mut rng, good), |text: &String| parse(text));
        }
        let numbered = String::from_utf8(mutate::numbered(good)).unwrap();
        survives(what, &numbered, |text: &String| parse(text));
        for shape in mutate::megabytes(good).into_iter().skip(14) {
            survives(what, &String::from_utf8_lossy(&shape).into_owned(), |text: &String| parse(text));
        }
    }
    // JSON as deep as a stack: refused, not followed.
    assert!(firewall::nft(&"[".repeat(1 << 20)).is_none());
    assert!(firewall::nft(&format!("{{\"nftables\":{}", "{\"a\":".repeat(1 << 18))).is_none());
    let value: Value = serde_json::from_str(NFT).unwrap();
    for _ in 0..300 {
        let text = mutate::json(&mut rng, &value).to_string();
        survives("nft", &text, |text: &String| firewall::nft(text).map(|chains| ruleset::judge(&chains, true)));
    }
}

#[test]
fn a_firewall_that_cannot_be_read_is_none_and_not_closed() {
    for text in ["", "{}", "[]", "null", "{\"nftables\":{}}", "{\"nftables\":null}", "Error: syntax"] {
        assert!(firewall::nft(text).is_none(), "{text}");
    }
    for text in ["", "\0", "*nat\n:INPUT DROP [0:0]\n", ":INPUT DROP", "*filter\nINPUT DROP"] {
        assert!(!ruleset::judge(&firewall::iptables(text, "x", false), false).default_deny, "{text}");
    }
}

#[test]
fn corrupt_compressed_lists_are_errors_and_bombs_take_no_memory() {
    let text = "Package: a\nVersion: 1\n\n".repeat(2000);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut gz, text.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut lz4, text.as_bytes()).unwrap();
    let lz4 = lz4.finish().unwrap();
    let path = std::env::temp_dir().join(format!("phiward-hostile-list-{}", std::process::id()));
    let scan = |name: &str, bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let open = apt::opener(name).unwrap();
        apt::scan(open(std::fs::File::open(&path).unwrap()), |_, _| true)
    };
    let mut rng = Rng::new(13);
    for (name, good) in [("x_Packages.gz", &gz), ("x_Packages.lz4", &lz4)] {
        assert!(scan(name, good).is_ok());
        let mut failed = 0;
        for _ in 0..200 {
            let spoiled = mutate::bytes(&mut rng, good);
            failed += usize::from(survives(name, &spoiled, |bytes: &Vec<u8>| scan(name, bytes)).is_err());
        }
        assert!(failed > 100, "{name}: only {failed} of 200 spoiled lists were errors");
        for shape in mutate::megabytes("") {
            survives(name, &shape, |bytes: &Vec<u8>| drop(scan(name, bytes)));
        }
    }
    // 64 MiB of one line without an end, from a few kilobytes.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::copy(&mut std::io::repeat(b'P').take(64 << 20), &mut bomb).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(survives("a bomb", &bomb, |bytes: &Vec<u8>| scan("x_Packages.gz", bytes)).is_ok());
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn records_of_any_bytes_and_versions_of_any_text() {
    let mut rng = Rng::new(14);
    let good = utmp::tests::bytes(7, 1, "pts/0", "198.51.100.7");
    let layouts = ["x86_64", "aarch64"].map(|name| utmp::layout(name).unwrap());
    for _ in 0..2000 {
        let bytes = mutate::bytes(&mut rng, &good);
        for layout in layouts {
            survives("utmp", &bytes, |bytes: &Vec<u8>| utmp::record(bytes, layout));
        }
    }
    for _ in 0..3000 {
        let (a, b) = (mutate::text(&mut rng, "1:2.3.4-5~deb12u1"), mutate::text(&mut rng, "1:2.3.4-5+b1"));
        let order = survives("versions", &a, |a: &String| dpkg_version::compare(a, &b));
        assert_eq!(order, dpkg_version::compare(&b, &a).reverse(), "{a:?} and {b:?}");
        assert_eq!(dpkg_version::compare(&a, &a), std::cmp::Ordering::Equal);
        let _ = support::support_ends(&a, &b);
    }
}
