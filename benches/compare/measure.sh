# Loads the peers of compare.sh, which sources this file, and prints the tables.
# A run is one line of $tmp/runs: name, round, req/s, p50 us, p99 us, CPU us per request, RSS KiB, errors, others' CPU %.
# shellcheck shell=bash disable=SC2154
hz=$(getconf CLK_TCK)

describe_machine() {
  awk -F': *' '/^model name/ { print "CPU:      " $2; exit }' /proc/cpuinfo
  echo "kernel:   $(uname -r), $(nproc) CPUs; proxies on CPU ${PROXY_CPU:-any}, load and backend on CPU ${LOAD_CPU:-any}"
  echo "load:     $LOAD, $CONNS connections, $REPS rounds of $DUR s; backend: $backend_is"
  has nginx && echo "nginx:    $(nginx -v 2>&1 | awk -F/ '{ print $2 }')"
  has haproxy && echo "HAProxy:  $(haproxy -v | awk '{ print $3; exit }')"
  [ -x "$INGORA" ] && echo "ingora:   $("$INGORA" --version 2>/dev/null | awk '{ print $NF; exit }')"
  local seconds=0
  [ -z "$PEERS" ] || seconds=$((REPS * (DUR + WARM) * $(wc -w <<<"$PEERS")))
  [ -z "$SIZES" ] || seconds=$((seconds + REPS * (DUR + WARM) * $(wc -w <<<"$SHAPES") * $(sizes | wc -l)))
  echo "takes:    about $((seconds / 60 + 1)) min, and the time the proxies need to start"
}

rss_kib() { awk '/^VmRSS:/ { print $2 }' "/proc/${pid[$1]}/status"; }

ticks() { # sets `used`: CPU of a process, all its threads, those that ended included
  local stat=''
  read -r stat <"/proc/$1/stat"
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  used=$((${12:-0} + ${13:-0}))
  ended=$((${14:-0} + ${15:-0}))
}

busy() { awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat; }

load() { # name seconds: leaves `requests errors rps p50 p99` (microseconds) in $tmp/load
  local name=$1 seconds=$2 pin=() out=$tmp/load.out log=$tmp/load.log
  [ -z "$LOAD_CPU" ] || pin=(taskset -c "$LOAD_CPU")
  if [ "$LOAD" = wrk ]; then
    timeout -k 1 $((seconds + 20)) "${pin[@]}" wrk -t1 -c"$CONNS" -d"${seconds}s" --latency -H "Host: ${host[$name]}" "${url[$name]}" >"$out" 2>&1
    awk '
    function us(text) {
      return text ~ /us$/ ? text + 0 : text ~ /ms$/ ? text * 1e3 : text ~ /[0-9]m$/ ? text * 6e7 : text * 1e6
    }
    $1 == "50%" { p50 = us($2) }
    $1 == "99%" { p99 = us($2) }
    / requests in / { requests = $1 }
    /^Requests\/sec/ { rps = $2 }
    /Socket errors/ { gsub(",", ""); errors += $4 + $6 + $8 + $10 }
    /Non-2xx/ { errors += $NF }
    END { print requests + 0, errors + 0, rps + 0, p50 + 0, p99 + 0 }' "$out" >"$tmp/load"
  else
    rm -f "$log"
    timeout -k 1 $((seconds + 20)) "${pin[@]}" h2load --h1 -t1 -c"$CONNS" -D"$seconds" --log-file="$log" -H ":authority: ${host[$name]}" "${url[$name]}" >"$out" 2>&1
    cut -f 3 "$log" 2>/dev/null | sort -n | awk '
    FNR == NR { if (/^finished in/) rps = $4; if (/^requests:/) { requests = $8; errors = $10 + $12 + $14 } next }
    { time[FNR] = $1 }
    END { print requests + 0, errors + 0, rps + 0, time[int(FNR * .5)] + 0, time[int(FNR * .99)] + 0 }' "$out" - >"$tmp/load"
  fi
}

measure() { # name round
  local name=$1 requests errors rps p50 p99 b0 b1 own0 own1 kin0 kin1
  kill -0 "${pid[$name]}" 2>/dev/null || return
  [ "$WARM" -eq 0 ] || load "$name" "$WARM"
  ticks "${pid[backend]}"; kin0=$used
  ticks $$; kin0=$((kin0 + used + ended))
  b0=$(busy)
  ticks "${pid[$name]}"; own0=$used
  load "$name" "$DUR"
  if ! kill -0 "${pid[$name]}" 2>/dev/null; then
    echo "$name: round $2: it ended under load: $(tail -n 2 "$tmp/$name.log" | tr '\n' ' ')" >&2
    failed=1
    return
  fi
  ticks "${pid[$name]}"; own1=$used
  b1=$(busy)
  ticks "${pid[backend]}"; kin1=$used
  ticks $$; kin1=$((kin1 + used + ended))
  read -r requests errors rps p50 p99 <"$tmp/load"
  if [ "$requests" -eq 0 ]; then
    echo "$name: round $2: not one request was answered: $(tail -n 2 "$tmp/load.out" | tr '\n' ' ')" >&2
    failed=1
    return
  fi
  awk -v OFS='\t' -v n="$name" -v r="$2" -v rps="$rps" -v p50="$p50" -v p99="$p99" -v cpu=$(((own1 - own0) * 1000000 / hz)) \
    -v q="$requests" -v rss="$(rss_kib "$name")" -v e="$errors" -v o=$((b1 - b0 - own1 + own0 - kin1 + kin0)) \
    -v all=$((hz * DUR * $(nproc))) \
    'BEGIN { printf "%s\t%d\t%.0f\t%.0f\t%.0f\t%.3f\t%d\t%d\t%.1f\n", n, r, rps, p50, p99, cpu / q, rss, e, (o > 0 ? o * 100 / all : 0) }' >>"$tmp/runs"
}

measure_rounds() { # name...: every round starts with another one
  local round i count=$#
  : >"$tmp/runs"
  for ((round = 1; round <= REPS; round++)); do
    for ((i = 0; i < count; i++)); do
      local at=$(((i + round - 1) % count + 1))
      [ ! -t 2 ] || printf '\r\033[Kround %d of %d: %s' "$round" "$REPS" "${!at}" >&2
      measure "${!at}" "$round"
    done
  done
  [ ! -t 2 ] || printf '\r\033[K' >&2
  [ -z "$RAW" ] || cat "$tmp/runs" >>"$RAW"
}

# Shared by both tables: medians over rounds, and ratios to the base within each round.
medians='
function median(list,    v, n, i, j, x) {
  n = split(list, v, " ")
  for (i = 2; i <= n; i++) { x = v[i] + 0; for (j = i - 1; j > 0 && v[j] + 0 > x; j--) v[j + 1] = v[j]; v[j + 1] = x }
  return n == 0 ? 0 : n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function ratio(name,    list, r) {
  for (r = 1; r <= rounds; r++) if (cpu[base, r] > 0 && cpu[name, r] > 0) list = list " " cpu[name, r] / cpu[base, r]
  return list == "" ? "-" : sprintf("%.2f", median(list))
}
function spread(name,    r, low, high) {
  for (r = 1; r <= rounds; r++) if ((name, r) in cpu) {
    if (low == "" || cpu[name, r] < low) low = cpu[name, r]
    if (cpu[name, r] > high) high = cpu[name, r]
  }
  return sprintf("%.1f-%.1f", low, high)
}
FILENAME == runs {
  if (!($1 in rps)) order[++names] = $1
  rps[$1] = rps[$1] " " $3; p50[$1] = p50[$1] " " $4; p99[$1] = p99[$1] " " $5; cost[$1] = cost[$1] " " $6
  rss[$1] = rss[$1] " " $7; errors[$1] += $8; others[$1] = others[$1] " " $9; cpu[$1, $2] = $6
  if ($2 > rounds) rounds = $2
}'

print_comparison() { # base
  awk -F'\t' -v base="$1" -v runs="$tmp/runs" "$medians"'
  END {
    printf "%-9s %9s %8s %8s %11s %11s %8s %8s %7s %8s\n", "proxy", "req/s", "p50 us", "p99 us", "CPU us/req", "low-high", "x " base, "RSS MiB", "errors", "others %"
    for (i = 1; i <= names; i++) {
      n = order[i]
      printf "%-9s %9.0f %8.0f %8.0f %11.2f %11s %8s %8.1f %7d %8.1f\n", n, median(rps[n]), median(p50[n]), median(p99[n]), median(cost[n]), spread(n), ratio(n), median(rss[n]) / 1024, errors[n], median(others[n])
    }
  }' "$tmp/runs"
}

print_growth() { # base
  awk -F'\t' -v base="$1" -v runs="$tmp/runs" "$medians"'
  FILENAME != runs { ready[$1] = $2; memory[$1] = $3 }
  END {
    printf "%-9s %9s %8s %8s %11s %11s %8s %10s %9s %7s %8s\n", "routes", "req/s", "p50 us", "p99 us", "CPU us/req", "low-high", "x " base, "above none", "ready ms", "errors", "others %"
    for (i = 1; i <= names; i++) {
      n = order[i]
      printf "%-9s %9.0f %8.0f %8.0f %11.2f %11s %8s %6.1f MiB %9d %7d %8.1f\n", n, median(rps[n]), median(p50[n]), median(p99[n]), median(cost[n]), spread(n), ratio(n), memory[n] / 1024, ready[n], errors[n], median(others[n])
    }
  }' "$tmp/runs" "$tmp/growth"
}
