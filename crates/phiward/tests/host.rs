//! Host settings made bad, and made good, for real: machines made to order (`common/machine.rs`) that the program
//! judges from within.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use common::judged::{Judged, skipped};
use common::machine::{Machine, possible};

/// The asset's kind stands for its name: a machine has one host.
const HOST: &str = "host";
const ONLY: [&str; 4] = ["--kind", "host", "--docker-host", "unix:///nonexistent"];
/// A release far from its end, so that these tests do not end with it.
const SUPPORTED: &str = "ID=rhel\nVERSION_ID=\"10.2\"\nPRETTY_NAME=\"A release with years to go\"\n";

/// Kernel settings that belong to a network namespace, and so are really set: name, bad, good, check.
const NETWORK: [(&str, &str, &str, &str); 10] = [
    ("net/ipv4/tcp_syncookies", "0", "1", "syn-cookies-enabled"),
    ("net/ipv4/conf/all/rp_filter", "0", "1", "reverse-path-filter-enabled"),
    ("net/ipv4/conf/all/accept_redirects", "1", "0", "redirects-ignored-ipv4"),
    ("net/ipv4/conf/all/secure_redirects", "1", "0", "redirects-ignored-ipv4"),
    ("net/ipv4/conf/all/send_redirects", "1", "0", "redirects-not-sent"),
    ("net/ipv4/conf/all/accept_source_route", "1", "0", "source-routes-refused-ipv4"),
    ("net/ipv4/conf/all/log_martians", "0", "1", "martian-packets-logged"),
    ("net/ipv6/conf/all/accept_redirects", "1", "0", "redirects-ignored-ipv6"),
    ("net/ipv6/conf/all/accept_ra", "1", "0", "router-advertisements-ignored"),
    ("net/ipv6/conf/all/accept_source_route", "1", "0", "source-routes-refused-ipv6"),
];

/// Settings of the whole kernel, which are only shown differently: name, bad, good, check.
const KERNEL: [(&str, &str, &str, &str); 11] = [
    ("kernel/randomize_va_space", "1", "2", "address-space-randomized"),
    ("kernel/dmesg_restrict", "0", "1", "kernel-messages-restricted"),
    ("kernel/kptr_restrict", "0", "1", "kernel-messages-restricted"),
    ("kernel/yama/ptrace_scope", "0", "1", "process-tracing-restricted"),
    ("kernel/unprivileged_bpf_disabled", "0", "2", "unprivileged-bpf-disabled"),
    ("kernel/perf_event_paranoid", "-1", "2", "performance-events-restricted"),
    ("fs/suid_dumpable", "1", "0", "setuid-programs-dump-no-core"),
    ("fs/protected_hardlinks", "0", "1", "links-protected"),
    ("fs/protected_symlinks", "0", "1", "links-protected"),
    ("fs/protected_fifos", "0", "1", "shared-directory-files-protected"),
    ("fs/protected_regular", "0", "2", "shared-directory-files-protected"),
];

fn here(setting: &str) -> Result<(), String> {
    if Path::new("/proc/sys").join(setting).exists() { Ok(()) } else { Err(format!("this kernel has no {setting}")) }
}

/// Accounts as a fresh installation leaves them.
fn accounts(machine: &Machine) {
    machine
        .file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/sh\n")
        .file("etc/group", 0o644, "root:x:0:\nshadow:x:42:\nann:x:1000:\n")
        .file("etc/gshadow", 0o640, "root:*::\n")
        .owner("etc/gshadow", 0, 42)
        .file("etc/shadow", 0o640, format!("root:!:{0}:0:90:7:::\nann:$y$j9T$abc$def:{0}:0:90:7:::\n", today()))
        .owner("etc/shadow", 0, 42)
        .directory("home/ann", 0o700);
}

/// Days since 1970, as shadow counts.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() / 86_400
}

/// A record of btmp or wtmp as glibc lays it out here.
fn login_record(kind: u8, host: &str) -> Vec<u8> {
    let (size, at) = if cfg!(target_arch = "x86_64") { (384, 340) } else { (400, 344) };
    let mut record = vec![0_u8; size];
    record[0] = kind;
    record[76..76 + host.len()].copy_from_slice(host.as_bytes());
    let now = u32::try_from(SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()).expect("fits");
    record[at..at + 4].copy_from_slice(&now.to_le_bytes());
    record
}

fn package(name: &str, version: &str) -> String {
    format!("Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n")
}

/// Package lists of an ordinary and a security archive that offer this version of openssl.
fn package_lists(machine: &Machine, version: &str) {
    let lists = "var/lib/apt/lists/deb.example_debian";
    machine
        .file(&format!("{lists}_dists_stable_InRelease"), 0o644, "Label: Debian\nSuite: stable\n")
        .file(
            &format!("{lists}_dists_stable_main_binary-amd64_Packages"),
            0o644,
            "Package: openssl\nVersion: 3.0.1-1\n\n",
        )
        .file(
            &format!("{lists}-security_dists_stable-security_InRelease"),
            0o644,
            "Label: Debian-Security\nSuite: stable-security\n",
        )
        .file(
            &format!("{lists}-security_dists_stable-security_main_binary-amd64_Packages"),
            0o644,
            format!("Package: openssl\nVersion: {version}\n\n"),
        );
}

/// The SSH server of this machine with a key and these settings. Without the server its files are read.
fn ssh(machine: &mut Machine, settings: &str, key_mode: u32) {
    machine.program("/usr/sbin/sshd");
    machine.directory("run/sshd", 0o755).file(
        "etc/ssh/sshd_config",
        0o644,
        format!("HostKey /etc/ssh/ssh_host_ed25519_key\n{settings}"),
    );
    let key = machine.path("etc/ssh/ssh_host_ed25519_key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    if !made.is_ok_and(|status| status.success()) {
        machine.file("etc/ssh/ssh_host_ed25519_key", 0o600, "no key, as ssh-keygen is not here\n");
    }
    machine.mode("etc/ssh/ssh_host_ed25519_key", key_mode);
}

/// Rules of the packet filter, really set in the namespace and read with this machine's iptables-save.
fn packet_filter(machine: &mut Machine, rules: &[&str]) -> Result<(), String> {
    for family in ["iptables", "ip6tables"] {
        if !machine.program(&format!("/usr/sbin/{family}-save")) {
            return Err(format!("{family}-save is not installed"));
        }
    }
    for dir in [
        "/usr/lib/x86_64-linux-gnu/xtables",
        "/usr/lib/aarch64-linux-gnu/xtables",
        "/usr/lib64/xtables",
        "/usr/lib/xtables",
    ] {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            machine.program(entry.path().to_str().expect("a path"));
        }
    }
    for rule in rules {
        machine.line(format!("for family in iptables ip6tables; do $family {rule}; done"));
    }
    let usable = Command::new("unshare").args(["--net", "iptables", "-P", "INPUT", "DROP"]).output();
    match usable {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("iptables: {error}")),
    }
}

#[test]
fn a_machine_on_which_nothing_was_set_up() {
    if !possible() {
        return;
    }
    let mut machine = Machine::new();
    accounts(&machine);
    machine
        .file("etc/os-release", 0o644, "ID=debian\nVERSION_ID=\"9\"\n")
        .file("var/lib/dpkg/status", 0o644, package("bash", "5.2"))
        .file("etc/login.defs", 0o644, "UMASK 022\nPASS_MAX_DAYS 99999\nENCRYPT_METHOD MD5\n")
        .file("etc/pam.d/common-auth", 0o644, "auth [success=1 default=ignore] pam_unix.so nullok\n")
        .file("etc/pam.d/common-password", 0o644, "password [success=1 default=ignore] pam_unix.so obscure yescrypt\n")
        .file("etc/pam.d/su", 0o644, "auth sufficient pam_rootok.so\n")
        .mode("tmp", 0o777);
    machine.line("mkdir -p sys/firmware");
    let filter = packet_filter(&mut machine, &[]);
    let mut judged = Judged::new(&machine.assess(&ONLY));
    judged.fails(
        HOST,
        &[
            "operating-system-supported",
            "audit-service-running",
            "clock-service-running",
            "clock-synchronized",
            "system-log-running",
            "system-log-sent-off-host",
            "log-files-rotate",
            "logins-recorded",
            "failed-logins-recorded",
            "login-failures-watched",
            "malware-protection-present",
            "integrity-monitor-present",
            "automatic-security-updates-on",
            "mandatory-access-control-enforced",
            "shell-sessions-time-out",
            "security-source-configured",
            "package-lists-fresh",
            "accounts-lock-after-failures",
            "password-quality-checked",
            "password-minimum-length",
            "password-complexity-required",
            "password-reuse-prevented",
            "password-maximum-age-set",
            "password-hash-strong",
            "umask-keeps-others-out",
            "su-restricted",
            "secure-boot-on",
            "tmp-on-own-filesystem",
            "tmp-is-sticky",
        ],
    );
    judged.fails_if(filter, HOST, &["host-firewall-active"]);
    // Without package lists nobody knows of updates, and that is no pass.
    judged.fails(HOST, &["security-updates-installed", "all-updates-installed"]);
    // With nothing installed there is nothing to set.
    judged.not_applicable(
        HOST,
        &["ssh-root-login-disabled", "sudo-asks-for-password", "audit-rules-loaded", "account-lock-lasts"],
    );
    judged.finish();
}

#[test]
fn a_machine_set_up_carelessly() {
    if !possible() {
        return;
    }
    let mut machine = Machine::new();
    accounts(&machine);
    let old = today() - 400;
    machine
        .file("etc/os-release", 0o644, SUPPORTED)
        // Two uid 0, a name twice, a system account with a shell, an entry of NIS.
        .file("etc/passwd", 0o666, "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nann:x:1001:1001::/home/ann:/bin/sh\nbackup:x:34:34::/:/bin/sh\n+::::::\n")
        .file("etc/group", 0o646, "root:x:0:\nsudo:x:27:ann\n")
        .owner("etc/group", 65534, 0)
        .file("etc/shadow", 0o644, format!("root:$1$abc$defghijklmnopqrstuvwx/:{old}:0:99999:7:::\ntoor::{old}:::::\nann:$6$abc$def:{old}:0:99999:7:::\nbackup:*::::::\n"))
        .file("etc/gshadow", 0o644, "root:*::\n")
        .directory("home/ann", 0o777)
        .file("root/.ssh/authorized_keys", 0o600, "ssh-ed25519 AAAA nobody@nowhere\n")
        .file("etc/login.defs", 0o644, "PASS_MAX_DAYS 90\nENCRYPT_METHOD SHA512\n")
        .file("etc/pam.d/common-auth", 0o644, "auth required pam_faillock.so preauth deny=5 unlock_time=60\n")
        .file("etc/pam.d/common-password", 0o644, "password requisite pam_pwquality.so minlen=8\n")
        .file("etc/profile.d/tmout.sh", 0o644, "TMOUT=600\n")
        .file("etc/environment", 0o644, "PATH=\"/usr/bin:/opt/shared\"\n")
        .directory("opt/shared", 0o777)
        .file("usr/bin/sudo", 0o755, "")
        .file("etc/sudoers", 0o666, "Defaults !syslog, !use_pty\n%sudo ALL=(ALL:ALL) NOPASSWD: ALL\n")
        .file("etc/crontab", 0o666, "")
        .directory("etc/cron.d", 0o777)
        .file("boot/grub/grub.cfg", 0o644, "set timeout=5\n")
        .file("run/reboot-required", 0o644, "")
        .file("usr/bin/unattended-upgrade", 0o755, "")
        .file("etc/apt/apt.conf.d/20auto-upgrades", 0o644, "APT::Periodic::Unattended-Upgrade \"0\";\n")
        .file("var/lib/dpkg/status", 0o644, package("openssl", "3.0.1-1") + &package("telnetd", "0.17"))
        .file("var/log/auth.log", 0o644, "somebody came\n")
        .file("var/log/btmp", 0o660, login_record(6, "192.0.2.7").repeat(25))
        .file("var/log/wtmp", 0o664, login_record(7, "192.0.2.7"))
        .file("etc/rsyslog.conf", 0o644, "*.* @logs.example:514\n")
        .file("etc/audit/auditd.conf", 0o640, "max_log_file_action = ROTATE\n")
        .script("usr/sbin/auditctl", "if [ \"$1\" = -s ]; then echo 'enabled 1'; else echo 'No rules'; fi")
        .script("usr/bin/chronyc", "echo 'Leap status     : Not synchronised'")
        .file("etc/ssh/unused", 0o644, "");
    package_lists(&machine, "3.0.1-1+security1");
    ssh(
        &mut machine,
        "PermitRootLogin yes\nPasswordAuthentication yes\nPermitEmptyPasswords yes\nKbdInteractiveAuthentication yes\nX11Forwarding yes\n\
         AllowTcpForwarding yes\nAllowAgentForwarding yes\nHostbasedAuthentication yes\nIgnoreRhosts no\nPermitUserEnvironment yes\nUsePAM no\n\
         MaxAuthTries 10\nLogLevel QUIET\nBanner none\nClientAliveInterval 0\nCiphers aes128-cbc,aes256-ctr\n",
        0o600,
    );
    machine.mode("etc/ssh/sshd_config", 0o666);
    machine.service("usr/sbin/auditd").service("usr/sbin/rsyslogd").service("usr/sbin/chronyd");
    for (name, bad, _, _) in NETWORK {
        machine.sysctl(name, bad);
    }
    for (name, bad, _, _) in KERNEL {
        machine.shows(&format!("proc/sys/{name}"), bad);
    }
    machine.shows("proc/sys/kernel/core_pattern", "core").shows("proc/modules", "dccp 16384 0 - Live 0x0");
    machine.file("sys/kernel/security/lockdown", 0o644, "[none] integrity confidentiality\n");
    machine.file(".shown/cpu/spectre_v2", 0o644, "Vulnerable\n").file("swapfile", 0o600, "");
    machine.line("mount --bind .shown/cpu sys/devices/system/cpu/vulnerabilities");
    machine.file(".shown/swaps", 0o644, "Filename Type Size Used Priority\n/swapfile file 1024 0 -2\n");
    machine.line("mount --bind .shown/swaps proc/swaps");
    // A file system for itself that is full, and one of the disk below.
    machine.directory("var/tmp", 0o1777).directory("srv/records", 0o755);
    machine
        .line("mount -t tmpfs -o size=1m tmpfs var/tmp")
        .line("head -c 1000000 /dev/zero > var/tmp/full")
        .line("mount --bind etc srv/records");
    // A telnet port, an open engine port.
    machine.line("for port in 23 2375; do chroot . /bin/nc -l -p $port </dev/null >/dev/null 2>&1 & done");
    machine.wait_until("grep -q ':0017 ' proc/net/tcp proc/net/tcp6 && grep -q ':0947 ' proc/net/tcp proc/net/tcp6");
    let filter = packet_filter(
        &mut machine,
        &[
            "-A INPUT -s ::/0 -i eth9 -j DROP 2>/dev/null || $family -A INPUT -i eth9 -j DROP",
            "-N DOCKER-USER",
            "-A DOCKER-USER -j RETURN",
        ],
    );

    let mut judged = Judged::new(&machine.assess(&ONLY));
    judged.fails(
        HOST,
        &[
            "only-root-has-uid-zero",
            "account-names-unique",
            "system-accounts-cannot-log-in",
            "no-legacy-plus-entries",
            "no-empty-passwords",
            "no-weak-password-hashes",
            "passwords-of-accounts-expire",
            "home-directories-closed-to-writers",
            "root-has-no-ssh-keys",
            "passwd-file-protected",
            "group-file-protected",
            "shadow-file-protected",
            "gshadow-file-protected",
            "sudoers-file-protected",
            "crontab-file-protected",
            "cron-directory-protected",
            "root-program-path-protected",
            "boot-loader-configuration-protected",
            "boot-loader-password-set",
            "account-lock-lasts",
            "shell-timeout-fixed",
            "sudo-asks-for-password",
            "sudo-logged",
            "sudo-uses-own-terminal",
            "no-restart-pending",
            "automatic-security-updates-on",
            "security-updates-installed",
            "all-updates-installed",
            "no-legacy-services",
            "no-password-guessing-today",
            "log-files-not-world-readable",
            "system-log-encrypted-in-transit",
            "audit-rules-loaded",
            "audit-rules-immutable",
            "audit-log-kept-when-full",
            "audit-watches-accounts",
            "audit-watches-sudo-rules",
            "audit-watches-clock",
            "audit-watches-logins",
            "clock-synchronized",
            "core-dumps-restricted",
            "kernel-lockdown-on",
            "disks-have-free-space",
            "no-plaintext-service-on-network",
            "no-open-docker-port",
            "ssh-root-login-disabled",
            "ssh-root-password-refused",
            "ssh-password-login-disabled",
            "ssh-empty-passwords-refused",
            "ssh-x11-forwarding-off",
            "ssh-tcp-forwarding-off",
            "ssh-agent-forwarding-off",
            "ssh-host-based-login-off",
            "ssh-user-environment-refused",
            "ssh-uses-pam",
            "ssh-attempts-limited",
            "ssh-log-level-sufficient",
            "ssh-banner-shown",
            "ssh-idle-clients-dropped",
            "ssh-algorithms-strong",
            "ssh-access-limited",
            "ssh-configuration-protected",
        ],
    );
    for (name, _, _, check) in NETWORK.iter().chain(&KERNEL) {
        judged.fails_if(here(name), HOST, &[check]);
    }
    let listed = Path::new("/sys/devices/system/cpu/vulnerabilities").is_dir();
    judged.fails_if(
        if listed { Ok(()) } else { Err("this kernel lists no CPU weaknesses".into()) },
        HOST,
        &["cpu-weaknesses-mitigated"],
    );
    let modules = Path::new("/proc/modules").is_file();
    judged.fails_if(
        if modules { Ok(()) } else { Err("this kernel loads no modules".into()) },
        HOST,
        &["rare-kernel-modules-not-loaded"],
    );
    judged.fails_if(filter, HOST, &["firewall-denies-by-default", "docker-ports-filtered"]);
    judged.fails_if(plain_disk(), HOST, &["root-disk-encrypted", "data-disks-encrypted", "swap-encrypted"]);
    judged.passes(
        HOST,
        &[
            "operating-system-supported",
            "accounts-lock-after-failures",
            "audit-service-running",
            "system-log-sent-off-host",
        ],
    );
    judged.finish();
}

/// Whether temporary files lie on a disk that is not encrypted: only then is such a machine a bad one.
fn plain_disk() -> Result<(), String> {
    let folder = common::Folder::new();
    let kind =
        Command::new("stat").args(["--file-system", "--format=%T"]).arg(folder.path()).output().expect("stat runs");
    let kind = String::from_utf8_lossy(&kind.stdout).trim().to_owned();
    let crypt = fs::read_dir("/sys/block").into_iter().flatten().flatten().any(|d| d.path().join("dm/uuid").exists());
    if kind.starts_with("ext") && !crypt {
        Ok(())
    } else {
        Err(format!("temporary files lie on {kind}, or disks here are mapped"))
    }
}

#[test]
fn a_machine_set_up_with_care() {
    if !possible() {
        return;
    }
    let mut machine = Machine::new();
    accounts(&machine);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").expect("a release");
    machine
        .file("etc/os-release", 0o644, SUPPORTED)
        .file("etc/login.defs", 0o644, "PASS_MAX_DAYS 90\nUMASK 077\nENCRYPT_METHOD YESCRYPT\n")
        .file("etc/pam.d/common-auth", 0o644, "auth required pam_faillock.so preauth\n")
        .file("etc/security/faillock.conf", 0o644, "deny = 5\nunlock_time = 900\n")
        .file("etc/pam.d/common-password", 0o644, "password requisite pam_pwquality.so minlen=16 minclass=3\npassword required pam_pwhistory.so remember=24\n")
        .file("etc/pam.d/su", 0o644, "auth required pam_wheel.so use_uid\n")
        .file("etc/profile.d/tmout.sh", 0o644, "readonly TMOUT=600\nexport TMOUT\n")
        .file("etc/security/limits.conf", 0o644, "* hard core 0\n")
        .file("usr/bin/sudo", 0o755, "")
        .file("etc/sudoers", 0o440, "Defaults use_pty\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n")
        .file("etc/crontab", 0o600, "")
        .directory("etc/cron.d", 0o700)
        .file("boot/grub/grub.cfg", 0o600, "set superusers=\"admin\"\npassword_pbkdf2 admin grub.pbkdf2.sha512.10000.AB\n")
        .directory(&format!("lib/modules/{}", kernel.trim()), 0o755)
        .file("usr/bin/unattended-upgrade", 0o755, "")
        .file("etc/apt/apt.conf.d/20auto-upgrades", 0o644, "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n")
        .file("etc/apt/apt.conf.d/50unattended-upgrades", 0o644, "Unattended-Upgrade::Origins-Pattern { \"origin=Debian,label=Debian-Security\"; };\n")
        .file("var/lib/dpkg/status", 0o644, package("openssl", "3.0.1-1+security1") + &package("aide", "0.18") + &package("clamav-daemon", "1.0"))
        .file("var/log/auth.log", 0o640, "somebody came\n")
        .file("var/log/btmp", 0o660, login_record(6, "192.0.2.7").repeat(3))
        .file("var/log/wtmp", 0o664, login_record(7, "192.0.2.7"))
        .file("etc/logrotate.conf", 0o644, "weekly\n")
        .file("usr/sbin/logrotate", 0o755, "")
        .file("etc/rsyslog.conf", 0o644, "$DefaultNetstreamDriver gtls\n$ActionSendStreamDriverMode 1\n*.* @@logs.example:6514\n")
        .file("etc/audit/auditd.conf", 0o640, "max_log_file_action = keep_logs\n")
        .script(
            "usr/sbin/auditctl",
            "if [ \"$1\" = -s ]; then echo 'enabled 2'; exit; fi\n\
             for path in /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/sudoers /etc/sudoers.d /var/log/wtmp /var/log/btmp; do echo \"-w $path -p wa -k watched\"; done\n\
             echo '-a always,exit -F arch=b64 -S adjtimex,settimeofday,clock_settime -F key=time'",
        )
        .script("usr/bin/chronyc", "echo 'Leap status     : Normal'")
        .file("etc/issue.net", 0o644, "For the staff of the hospital only.\n");
    package_lists(&machine, "3.0.1-1+security1");
    ssh(
        &mut machine,
        "PermitRootLogin no\nPasswordAuthentication no\nPermitEmptyPasswords no\nKbdInteractiveAuthentication no\nX11Forwarding no\n\
         AllowTcpForwarding no\nAllowAgentForwarding no\nHostbasedAuthentication no\nIgnoreRhosts yes\nPermitUserEnvironment no\nUsePAM yes\n\
         MaxAuthTries 3\nLogLevel VERBOSE\nBanner /etc/issue.net\nClientAliveInterval 300\nClientAliveCountMax 3\nAllowGroups staff\n\
         Ciphers aes256-gcm@openssh.com,aes256-ctr\nMACs hmac-sha2-256-etm@openssh.com\nKexAlgorithms curve25519-sha256\n",
        0o600,
    );
    machine
        .service("usr/sbin/auditd")
        .service("usr/sbin/rsyslogd")
        .service("usr/sbin/chronyd")
        .service("usr/bin/fail2ban-server");
    for (name, _, good, _) in NETWORK {
        machine.sysctl(name, good);
    }
    for (name, _, good, _) in KERNEL {
        machine.shows(&format!("proc/sys/{name}"), good);
    }
    machine.shows("proc/sys/kernel/core_pattern", "core").shows("proc/modules", "ext4 16384 1 - Live 0x0");
    machine
        .file("sys/kernel/security/lockdown", 0o644, "none [integrity] confidentiality\n")
        .file("sys/module/apparmor/parameters/enabled", 0o644, "Y\n")
        .file("sys/kernel/security/apparmor/profiles", 0o644, "docker-default (enforce)\n")
        .file("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", 0o644, [6_u8, 0, 0, 0, 1])
        .file(".shown/cpu/spectre_v2", 0o644, "Mitigation: Retpolines\n")
        .file(".shown/swaps", 0o644, "Filename Type Size Used Priority\n/dev/zram0 partition 1024 0 -2\n");
    machine
        .line("mount --bind .shown/cpu sys/devices/system/cpu/vulnerabilities")
        .line("mount --bind .shown/swaps proc/swaps");
    machine.line("mount -t tmpfs -o mode=1777,nodev,nosuid,noexec tmpfs tmp");
    // A service on loopback is nobody else's business.
    machine
        .line("chroot . /bin/busybox httpd -f -h / -p 127.0.0.1:6379 </dev/null >/dev/null 2>&1 &")
        .wait_until("grep -q ':18EB ' proc/net/tcp");
    let filter = packet_filter(
        &mut machine,
        &["-P INPUT DROP", "-A INPUT -i lo -j ACCEPT", "-N DOCKER-USER", "-A DOCKER-USER -i eth9 -j DROP"],
    );

    let mut judged = Judged::new(&machine.assess(&ONLY));
    judged.passes(
        HOST,
        &[
            "operating-system-supported",
            "only-root-has-uid-zero",
            "account-names-unique",
            "system-accounts-cannot-log-in",
            "no-legacy-plus-entries",
            "no-empty-passwords",
            "no-weak-password-hashes",
            "passwords-of-accounts-expire",
            "home-directories-closed-to-writers",
            "root-has-no-ssh-keys",
            "passwd-file-protected",
            "group-file-protected",
            "shadow-file-protected",
            "gshadow-file-protected",
            "sudoers-file-protected",
            "crontab-file-protected",
            "cron-directory-protected",
            "root-program-path-protected",
            "boot-loader-configuration-protected",
            "boot-loader-password-set",
            "accounts-lock-after-failures",
            "account-lock-lasts",
            "password-quality-checked",
            "password-minimum-length",
            "password-complexity-required",
            "password-reuse-prevented",
            "password-maximum-age-set",
            "password-hash-strong",
            "umask-keeps-others-out",
            "su-restricted",
            "shell-sessions-time-out",
            "shell-timeout-fixed",
            "sudo-asks-for-password",
            "sudo-logged",
            "sudo-uses-own-terminal",
            "no-restart-pending",
            "automatic-security-updates-on",
            "security-source-configured",
            "security-updates-installed",
            "all-updates-installed",
            "package-lists-fresh",
            "no-legacy-services",
            "malware-protection-present",
            "integrity-monitor-present",
            "logins-recorded",
            "failed-logins-recorded",
            "login-failures-watched",
            "no-password-guessing-today",
            "log-files-not-world-readable",
            "log-files-rotate",
            "system-log-running",
            "system-log-sent-off-host",
            "system-log-encrypted-in-transit",
            "system-log-survives-restart",
            "audit-service-running",
            "audit-rules-loaded",
            "audit-rules-immutable",
            "audit-log-kept-when-full",
            "audit-watches-accounts",
            "audit-watches-sudo-rules",
            "audit-watches-clock",
            "audit-watches-logins",
            "clock-service-running",
            "clock-synchronized",
            "core-dumps-restricted",
            "kernel-supports-seccomp",
            "kernel-lockdown-on",
            "mandatory-access-control-enforced",
            "cpu-weaknesses-mitigated",
            "rare-kernel-modules-not-loaded",
            "secure-boot-on",
            "disks-have-free-space",
            "data-disks-encrypted",
            "swap-encrypted",
            "tmp-on-own-filesystem",
            "tmp-is-sticky",
            "no-plaintext-service-on-network",
            "no-open-docker-port",
            "ssh-root-login-disabled",
            "ssh-root-password-refused",
            "ssh-password-login-disabled",
            "ssh-empty-passwords-refused",
            "ssh-x11-forwarding-off",
            "ssh-tcp-forwarding-off",
            "ssh-agent-forwarding-off",
            "ssh-host-based-login-off",
            "ssh-user-environment-refused",
            "ssh-uses-pam",
            "ssh-attempts-limited",
            "ssh-log-level-sufficient",
            "ssh-banner-shown",
            "ssh-idle-clients-dropped",
            "ssh-algorithms-strong",
            "ssh-access-limited",
            "ssh-configuration-protected",
            "ssh-host-keys-private",
        ],
    );
    for (name, _, _, check) in NETWORK.iter().chain(&KERNEL) {
        judged.passes_if(here(name), HOST, &[check]);
    }
    judged.passes_if(filter, HOST, &["host-firewall-active", "firewall-denies-by-default", "docker-ports-filtered"]);
    judged.finish();
}

#[test]
fn small_faults_that_hide_behind_larger_ones() {
    if !possible() {
        return;
    }
    let mut machine = Machine::new();
    accounts(&machine);
    machine
        .file("etc/os-release", 0o644, SUPPORTED)
        // Lower than 0644 as a decimal number, and yet writable by everyone.
        .mode("etc/passwd", 0o606)
        .directory("etc/systemd", 0o755)
        .file("etc/systemd/journald.conf", 0o644, "[Journal]\nStorage=volatile\n")
        .file("var/lib/dpkg/status", 0o644, package("openssl", "3.0.1-1"));
    package_lists(&machine, "3.0.1-1");
    for name in ["_dists_stable_InRelease", "-security_dists_stable-security_InRelease"] {
        machine.aged(&format!("var/lib/apt/lists/deb.example_debian{name}"), 9);
    }
    machine.aged("var/lib/apt/lists", 9);
    ssh(
        &mut machine,
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nUsePAM yes\nKbdInteractiveAuthentication yes\n",
        0o644,
    );
    machine.service("usr/lib/systemd/systemd-journald");
    // A user's program that calls itself a system service is none.
    machine
        .mode("home/ann", 0o755)
        .directory("home/ann/bin", 0o755)
        .script("home/ann/bin/rsyslogd", "echo > /run/started.rsyslogd\nwhile :; do sleep 60; done");
    machine
        .line("chmod 1777 run")
        .line("chroot --userspec=1000:1000 . /home/ann/bin/rsyslogd </dev/null >/dev/null 2>&1 &")
        .wait_until("[ -e run/started.rsyslogd ]");
    let mut judged = Judged::new(&machine.assess(&ONLY));
    judged.fails(
        HOST,
        &[
            "passwd-file-protected",
            "package-lists-fresh",
            // No update is known, but the lists are old.
            "security-updates-installed",
            "all-updates-installed",
            "system-log-survives-restart",
            "system-log-sent-off-host",
            "ssh-host-keys-private",
            "ssh-password-login-disabled",
            "ssh-root-login-disabled",
        ],
    );
    judged.passes(HOST, &["ssh-root-password-refused", "system-log-running", "security-source-configured"]);
    judged.finish();
}

/// The whole tree below an fscrypt policy on a file system in a file: a disk that is encrypted without device mapper.
#[test]
fn a_machine_whose_disk_is_encrypted() {
    if !possible() {
        return;
    }
    let mut machine = Machine::new();
    accounts(&machine);
    let image = common::Folder::new();
    let disk = image.path().join("disk");
    let made = (|| -> Result<(), String> {
        fs::File::create(&disk).and_then(|file| file.set_len(64 << 20)).map_err(|e| e.to_string())?;
        let run = |command: &mut Command| match command.output() {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        };
        run(Command::new("mkfs.ext4").args(["-q", "-O", "encrypt"]).arg(&disk))?;
        run(Command::new("sh").args(["-c", "command -v e4crypt"]))?;
        // Loop devices and the kernel's encryption of files are not everywhere.
        let try_it = "mkdir m && mount -o loop disk m && mkdir m/root && echo phrase | e4crypt add_key -S s:salt m/root && touch m/root/file";
        run(Command::new("unshare")
            .args(["--mount", "--propagation=private", "sh", "-ec", try_it])
            .current_dir(image.path()))
    })();
    if let Err(why) = made {
        skipped("root-disk-encrypted, data-disks-encrypted on an encrypted disk", &why);
        return;
    }
    // The tree moves into the encrypted directory and becomes `/` from there.
    machine.directory("srv/records", 0o755).directory("data", 0o755);
    let (disk, mount) = (disk.display().to_string(), image.path().join("m").display().to_string());
    machine
        .line("umount usr/bin/phiward")
        .line(format!("mount -o loop {disk} {mount}; rm -rf {mount}/root; mkdir {mount}/root"));
    machine.line(format!("echo phrase | e4crypt add_key -S s:salt {mount}/root >/dev/null 2>&1"));
    machine.line(format!("for name in *; do case $name in proc|sys|dev) ;; *) cp -a $name {mount}/root/;; esac; done"));
    machine.line(format!("for dir in proc sys/dev sys/devices sys/fs sys/block sys/class; do mkdir -p {mount}/root/$dir; mount --rbind $dir {mount}/root/$dir; done"));
    machine.line(format!(
        "mkdir {mount}/root/dev; touch {mount}/root/dev/null; mount --bind /dev/null {mount}/root/dev/null"
    ));
    machine.line(format!(
        "mount --rbind {mount}/root {mount}/root; cd {mount}/root; mount --bind \"$PHIWARD\" usr/bin/phiward"
    ));
    machine.line("mount --bind srv/records data").line("mount -t tmpfs -o mode=1777,nodev,nosuid tmpfs tmp");
    let mut judged = Judged::new(&machine.assess(&ONLY));
    judged.passes(HOST, &["root-disk-encrypted", "data-disks-encrypted"]);
    judged.finish();
}
