# Where things are under SOUP_HOME, and who runs the server. Sourced by up and down.
#
# The server refuses to run as root, so for root everything under SOUP_HOME/cluster belongs to the user postgres. A
# checkout below a folder that postgres may not enter (/root, say) keeps its cluster in /var/lib instead, and
# SOUP_HOME/cluster is a link to it.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SOUP_HOME=${SOUP_HOME:-$checkout/.soup}
case $SOUP_HOME in /*) ;; *) SOUP_HOME=$checkout/$SOUP_HOME ;; esac
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$checkout/$BUILD ;; esac
PG_CONFIG=${PG_CONFIG:-pg_config}
cluster=$SOUP_HOME/cluster
# Sockets have short names: 107 bytes at most, so they live in /tmp under a name made from SOUP_HOME.
home_id=$(printf %s "$SOUP_HOME" | cksum | cut -d' ' -f1)
sockets=/tmp/soup-$home_id

if [ "$(id -u)" -eq 0 ]; then
    server_user=postgres
    as_server() { setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp PATH="$PATH" "$@"; }
else
    server_user=$(id -un)
    as_server() { "$@"; }
fi

pg_bin() { "$PG_CONFIG" --bindir; }
soup_psql() { as_server "$(pg_bin)/psql" -X -q -v ON_ERROR_STOP=1 -h "$sockets" -p 5432 -U postgres "$@"; }

cluster_is_up() {
    [ -e "$cluster/data/PG_VERSION" ] && as_server "$(pg_bin)/pg_ctl" -D "$cluster/data" status >/dev/null 2>&1
}

gateway_pid() { # prints the gateway's process id if it is ours and alive
    local pid
    pid=$(cat "$cluster/gateway.pid" 2>/dev/null) || return 1
    # By its command line: /proc/PID/exe of a process that may not be dumped is closed to its own user.
    [ "$(tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | head -1)" = "$cluster/soup_gateway" ] && echo "$pid"
}
