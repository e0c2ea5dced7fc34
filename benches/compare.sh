#!/usr/bin/env bash
# Compares the cost of a request through ingora with that through a bare Pingora proxy, nginx and HAProxy, then through
# ingora with a growing number of routes. `make bench` builds what it needs and runs it; it ends by itself.
#
# Every proxy runs one thread on one CPU; the load generator and the backend run on another. Rounds are interleaved, and
# ratios are taken within a round: of all figures, CPU per request and its ratios depend least on the machine.
# The load is a closed loop of keep-alive connections, so the latencies are those at saturation. No proxy logs requests.
#
#   DUR=8       seconds of load a run                 REPS=5    rounds (the table shows medians)
#   CONNS=64    connections                           WARM=1    seconds of load before each run
#   PEERS='ingora bare nginx haproxy'                 proxies to compare; '' skips the comparison
#   SIZES='1 1000 10000 100000'                       numbers of routes; '' skips that part
#   SHAPES='host prefix'                              routes by host; by path prefix on one host
#   LOAD=wrk    or h2load (HTTP/1.1)                  START_MAX=120  seconds a proxy may take to start
#   PROXY_CPU=0 LOAD_CPU=1                            empty: not pinned
#   INGORA=target/release/ingora   BARE=target/release/examples/bare_pingora
#   RAW=        file that gets every single run appended, tab-separated
set -u -o pipefail
export LC_ALL=C

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
: "${DUR:=8}" "${REPS:=5}" "${CONNS:=64}" "${WARM:=1}" "${START_MAX:=120}" "${RAW:=}"
: "${PEERS=ingora bare nginx haproxy}" "${SIZES=1 1000 10000 100000}" "${SHAPES=host prefix}" "${PROXY_CPU=0}" "${LOAD_CPU=1}"
: "${INGORA:=$target/release/ingora}" "${BARE:=$target/release/examples/bare_pingora}"

case ${1:-} in
  '') ;;
  -h | --help) awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "compare.sh takes no arguments, only environment variables: see --help" >&2; exit 2 ;;
esac
for knob in DUR REPS CONNS START_MAX; do
  [[ ${!knob} =~ ^[1-9][0-9]*$ ]] || { echo "$knob=${!knob}: a whole number from 1 is needed" >&2; exit 2; }
done
[[ $WARM =~ ^[0-9]+$ ]] || { echo "WARM=$WARM: a whole number of seconds is needed" >&2; exit 2; }
for size in $SIZES; do
  [[ $size =~ ^[1-9][0-9]*$ ]] || { echo "SIZES: $size: a whole number from 1 is needed" >&2; exit 2; }
done

for peer in $PEERS; do
  [[ " ingora bare nginx haproxy " == *" $peer "* ]] || { echo "PEERS: $peer: ingora, bare, nginx or haproxy" >&2; exit 2; }
done
for shape in $SHAPES; do
  [[ " host prefix " == *" $shape "* ]] || { echo "SHAPES: $shape: host or prefix" >&2; exit 2; }
done

PATH=$PATH:/usr/sbin
has() { command -v "$1" >/dev/null 2>&1; }
for tool in curl awk; do has "$tool" || { echo "$tool is needed" >&2; exit 2; }; done
if [ -z "${LOAD:=}" ]; then for LOAD in wrk h2load ''; do [ -z "$LOAD" ] || has "$LOAD" && break; done; fi
case $LOAD in
  wrk | h2load) has "$LOAD" || { echo "LOAD=$LOAD: not installed" >&2; exit 2; } ;;
  '') echo "neither wrk nor h2load is installed (Debian: wrk, nghttp2-client)" >&2; exit 2 ;;
  *) echo "LOAD=$LOAD: wrk or h2load" >&2; exit 2 ;;
esac
if ! has taskset || [ "$(nproc)" -lt 2 ]; then
  echo "note: fewer than two CPUs or no taskset: nothing is pinned, the figures say little" >&2
  PROXY_CPU='' LOAD_CPU=''
fi

# shellcheck source=benches/compare/peers.sh
. "$root/benches/compare/peers.sh"
# shellcheck source=benches/compare/measure.sh
. "$root/benches/compare/measure.sh"
# shellcheck source=benches/compare/routes.sh
. "$root/benches/compare/routes.sh"

tmp=$(mktemp -d "${TMPDIR:-/tmp}/ingora-bench.XXXXXX") || exit 1
trap 'stop_all; rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

failed=0

# The comparison: the same load through each peer that is there.
compare_peers() {
  local peer started=()
  for peer in $PEERS; do
    if [ "$peer" = ingora ]; then start_ingora ingora host 10; else "start_$peer"; fi || continue
    if await "$peer"; then started+=("$peer"); else failed=1; fi
  done
  [ ${#started[@]} -gt 0 ] || { echo "no proxy could be started" >&2; failed=1; return; }
  measure_rounds "${started[@]}"
  printf '\nOne thread, %s connections, ingora with 10 routes:\n\n' "$CONNS"
  print_comparison bare
  stop "${started[@]}"
}

# The growth: ingora with each number of routes, all running at once, asked for the route in the middle of the order.
compare_sizes() { # shape
  local shape=$1 size started=() none
  start_ingora none "$shape" 0 && await none || { failed=1; return; }
  sleep 1
  none=$(rss_kib none)
  stop none
  : >"$tmp/growth"
  for size in $(sizes); do
    start_ingora "$size" "$shape" "$size"
    await "$size" || { failed=1; continue; }
    sleep 1
    printf '%s\t%s\t%s\n' "$size" "${ready_ms[$size]}" "$(($(rss_kib "$size") - none))" >>"$tmp/growth"
    started+=("$size")
  done
  [ ${#started[@]} -gt 0 ] || return
  measure_rounds "${started[@]}"
  printf '\ningora, routes by %s; without any it takes %s MiB:\n\n' "$shape" "$((none / 1024))"
  print_growth 10
  stop "${started[@]}"
  rm -rf "$tmp"/*.manifests
}

# The sizes asked for and the one they are compared with.
sizes() {
  # shellcheck disable=SC2086
  printf '%s\n' 10 $SIZES | sort -n -u
}

if [ -n "$SIZES" ] && [ ! -x "$INGORA" ]; then
  echo "SIZES: left out: $INGORA is not there (cargo build --release --bin ingora)" >&2
  SIZES=''
fi
start_backend && await backend || exit 1
describe_machine
[ -z "$PEERS" ] || compare_peers
if [ -n "$SIZES" ]; then
  for shape in $SHAPES; do compare_sizes "$shape"; done
fi
exit "$failed"
