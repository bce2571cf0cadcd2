# shellcheck shell=bash disable=SC2034
# Sourced by the benches: a private cluster, the gateway in front of it, and their end together with the script.
#
#   bench_cluster [LINE …]     initdb and start; each LINE is one more line for postgresql.conf. Sets $cluster (its
#                              folder, with the server's socket) and PGHOST, PGPORT, PGUSER, so psql and libpq find it.
#   bench_soup                 database soup with both extensions in it, and the org `bench`
#   bench_gateway              the gateway in front of soup; sets $gateway (its URL)
#   bench_login USER           prints a token of a principal whose passphrase is $passphrase
#   bench_child PROCESS_ID     is ended with the script
#   bench_out NAME             prints the file under $BUILD/bench that NAME's raw figures go to
#
# Durability is the server's default (fsync and synchronous_commit on) unless a LINE says otherwise. If the script
# fails, the end of the logs goes to standard error.

BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
bin=$("${PG_CONFIG:-pg_config}" --bindir)
passphrase='bench passphrase'
children=()
bench_recording=$(dirname "${BASH_SOURCE[0]}")/../../demo/data/machine_temperature_system_failure.csv

if [ "$(id -u)" -eq 0 ]; then # The server refuses to run as root.
    as_server() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
else
    as_server() { "$@"; }
fi

bench_finish() {
    local status=$?
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    [ -n "${cluster:-}" ] || exit $status
    [ $status = 0 ] || tail -n 20 "$cluster"/*.log >&2 || true
    as_server "$bin/pg_ctl" -D "$cluster/data" -m immediate -s stop || true
    rm -rf "$cluster"
}
trap bench_finish EXIT

bench_cluster() {
    # Not in /tmp: that may be memory, and a commit must cost what it costs.
    cluster=$(mktemp -d "${BENCH_DIR:-/var/tmp}/soup-bench.XXXXXX")
    [ "$(id -u)" -ne 0 ] || chown postgres: "$cluster"
    as_server "$bin/initdb" -D "$cluster/data" -A trust -U postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    as_server tee -a "$cluster/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = ''
unix_socket_directories = '$cluster'
port = 5432 # Only part of the socket's name.
shared_buffers = 512MB
max_wal_size = 8GB
checkpoint_timeout = 30min
$(printf '%s\n' "$@")
CONF
    as_server "$bin/pg_ctl" -D "$cluster/data" -l "$cluster/server.log" -s -w start
    export PGHOST=$cluster PGPORT=5432 PGUSER=postgres
}

bench_psql() { "$bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }

bench_soup() {
    bench_cluster "shared_preload_libraries = 'machinesoup'" "soup.database = 'soup'" "$@"
    "$bin/createdb" soup
    export PGDATABASE=soup
    bench_psql >/dev/null <<SQL
SET client_min_messages = warning;
CREATE EXTENSION machinesoup CASCADE;
SELECT soup.add_org('bench'), soup.add_principal('bench', 'bench', 'producer', '$passphrase'),
       soup.add_principal('bench', 'bench_user', 'consumer', '$passphrase');
SELECT soup.grant_right('bench', 'bench', NULL, '*', 'append'), soup.grant_right('bench_user', 'bench', NULL, '*', 'query'),
       soup.grant_right('bench_user', 'bench', NULL, '*', 'promote');
SQL
}

bench_gateway() {
    # shellcheck disable=SC2086 # GATEWAY_OPTIONS are several words
    "$BUILD/soup_gateway" --listen 127.0.0.1:0 --port-file "$cluster/gateway.port" --log "$cluster/gateway.log" \
        ${GATEWAY_OPTIONS:-} --conninfo "host=$cluster dbname=soup user=soup_gateway" >/dev/null &
    bench_child $!
    bench_wait "$cluster/gateway.port" /readyz
    gateway=http://127.0.0.1:$(cat "$cluster/gateway.port")
}

# bench_wait PORT_FILE PATH: until what listens on the port in the file answers 200.
bench_wait() {
    for _ in $(seq 100); do
        [ ! -s "$1" ] || ! curl -sf -o /dev/null "http://127.0.0.1:$(cat "$1")$2" || return 0
        sleep 0.1
    done
    echo "nothing answers on the port in $1" >&2
    return 1
}

bench_child() { children+=("$1"); }

bench_login() { bench_psql -c "SELECT token FROM soup_api.login('$1', '$passphrase')"; }

bench_out() {
    mkdir -p "$BUILD/bench"
    echo "$BUILD/bench/$1.json"
}
