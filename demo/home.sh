# Where things are under SOUP_HOME, and who runs the server. Sourced by up and down.
#
# SOUP_HOME/made_by_up says that the folder is a demo's, which alone may be removed, and of which server: later calls
# use the same one, whatever PG_CONFIG says then.
#
# The server refuses to run as root, so for root everything under SOUP_HOME/cluster belongs to the user postgres. A
# checkout below a folder that postgres may not enter (/root, say) keeps its cluster in /var/lib instead, and
# SOUP_HOME/cluster is a link to it.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SOUP_HOME=${SOUP_HOME:-$checkout/.soup}
case $SOUP_HOME in /*) ;; *) SOUP_HOME=$checkout/$SOUP_HOME ;; esac
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$checkout/$BUILD ;; esac
marker=$SOUP_HOME/made_by_up
PG_CONFIG=$(sed -n 's/^PG_CONFIG=//p' "$marker" 2>/dev/null || echo "${PG_CONFIG:-pg_config}")
# Not by the link, whose folder is closed to postgres.
cluster=$(readlink "$SOUP_HOME/cluster" || echo "$SOUP_HOME/cluster")
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

# A file beside the server's extensions: these libraries are there because of the demo in the folder that it names, and
# go with it. `make install` deletes it, for then somebody wants them.
claim() { echo "$("$PG_CONFIG" --sharedir)/extension/machinesoup.demo"; }
has_claim() { [ "$(cat "$(claim)" 2>/dev/null)" = "$SOUP_HOME" ]; }

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
