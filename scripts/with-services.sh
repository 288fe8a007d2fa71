#!/usr/bin/env bash
# Runs a command with what the tests need: a Docker engine, PostgreSQL, Chromium. Installs what is missing (Debian or
# Ubuntu, as root or with sudo), starts what does not run, and ends at the end what it started.
set -euo pipefail

say() { printf '== %s\n' "$*" >&2; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# In the background this becomes the program itself, so that its process id is the one to end.
becomes() { if [ "$(id -u)" = 0 ]; then exec "$@"; else exec sudo "$@"; fi; }

work=$(mktemp -d)
chmod 755 "$work"
started=()
finish() {
    for pid in "${started[@]:-}"; do
        if [ -n "$pid" ] && as_root kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null || true; fi
    done
    if [ -n "${pg_bin:-}" ] && [ -d "$work/pg" ]; then
        as_user "$pg_bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
    fi
    as_root rm -rf "$work"
}
trap finish EXIT

# Packages, only those that are missing.
missing=()
command -v curl >/dev/null || missing+=(curl)
command -v dockerd >/dev/null || missing+=(docker.io)
command -v chromium >/dev/null || missing+=(chromium)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing+=(postgresql)
command -v busybox >/dev/null || missing+=(busybox-static)
command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || missing+=(openssh-server)
command -v iptables >/dev/null || [ -x /usr/sbin/iptables ] || missing+=(iptables)
ls /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf >/dev/null 2>&1 || missing+=(fonts-dejavu-core)
if [ "${#missing[@]}" -gt 0 ]; then
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# A Docker engine.
if ! curl -fsS --max-time 5 --unix-socket /var/run/docker.sock http://localhost/_ping >/dev/null 2>&1; then
    say "starting dockerd"
    becomes dockerd >"$work/dockerd.log" 2>&1 &
    started+=($!)
    for _ in $(seq 60); do
        curl -fsS --max-time 2 --unix-socket /var/run/docker.sock http://localhost/_ping >/dev/null 2>&1 && break
        sleep 1
    done
    if ! curl -fsS --max-time 5 --unix-socket /var/run/docker.sock http://localhost/_ping >/dev/null; then
        tail -20 "$work/dockerd.log" >&2
        say "dockerd did not start"
        exit 1
    fi
fi
export PHIWARD_TEST_REQUIRE_DOCKER=1

# PostgreSQL on a socket and port of its own. It refuses to run as root.
pg_bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
as_user() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}
if [ "$(id -u)" = 0 ]; then chown postgres "$work"; fi
port=$((20000 + RANDOM % 12000))
say "starting PostgreSQL on 127.0.0.1:$port"
(cd "$work" && as_user "$pg_bin/initdb" -D "$work/pg" -U phiward --auth=trust --no-sync >/dev/null)
(cd "$work" && as_user "$pg_bin/pg_ctl" -D "$work/pg" -w -l "$work/pg.log" \
    -o "-c listen_addresses=127.0.0.1 -p $port -k $work -c fsync=off" start >/dev/null)
export PHIWARD_TEST_POSTGRES="postgres://phiward@127.0.0.1:$port/postgres"
export PHIWARD_TEST_REQUIRE_POSTGRES=1

PHIWARD_TEST_CHROMIUM=$(command -v chromium)
export PHIWARD_TEST_CHROMIUM

"$@"
