# Starts and stops the backend and the proxies of compare.sh, which sources this file.
# Each has a name, under which these tables hold what the measuring needs to know.
# shellcheck shell=bash disable=SC2154
declare -A pid url host want ready_ms

taken=''
free_port() { # sets `port`, below the range that connections take theirs from
  while :; do
    port=$((20000 + RANDOM % 12000))
    [[ " $taken " == *" $port "* ]] && continue
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    taken+=" $port"
    return
  done
}

launch() { # name cpu command...
  local name=$1 cpu=$2 pin=()
  shift 2
  [ -z "$cpu" ] || pin=(taskset -c "$cpu")
  "${pin[@]}" "$@" </dev/null >"$tmp/$name.log" 2>&1 &
  pid[$name]=$!
  ready_ms[$name]=-${EPOCHREALTIME/./}
}

await() { # name: until it answers as wanted; else says why not, and fails
  local name=$1 end=$((SECONDS + START_MAX)) got=''
  while kill -0 "${pid[$name]}" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do
    got=$(curl -s -o /dev/null --max-time 5 -w '%{http_code}' -H "Host: ${host[$name]}" "${url[$name]}")
    if [ "$got" = "${want[$name]}" ]; then
      ready_ms[$name]=$(((${EPOCHREALTIME/./} + ready_ms[$name]) / 1000))
      return 0
    fi
    sleep 0.02
  done
  {
    if kill -0 "${pid[$name]}" 2>/dev/null; then
      echo "$name: left out: answers ${got:-nothing}, not ${want[$name]}, ${START_MAX} s after its start (${url[$name]}, Host: ${host[$name]})"
    else
      echo "$name: left out: it ended before it answered"
    fi
    echo "  its last lines:"
    tail -n 5 "$tmp/$name.log" | cut -c 1-300 | sed 's/^/  | /'
  } >&2
  stop "$name"
  return 1
}

stop() { # name...: at once, as nothing here is worth a graceful end
  local name
  for name in "$@"; do
    [ -n "${pid[$name]:-}" ] || continue
    kill -KILL "${pid[$name]}" 2>/dev/null
    wait "${pid[$name]}" 2>/dev/null
    unset "pid[$name]"
  done
}

stop_all() { stop "${!pid[@]}"; }

peer() { # name port: what every proxy but ingora answers to
  host[$1]=bench.test url[$1]=http://127.0.0.1:$2/bench want[$1]=200
}

nginx_conf() { # directory http-part: a single process that leaves nothing outside the directory
  mkdir -p "$1"
  cat >"$1/nginx.conf" <<CONF
daemon off;
master_process off;
pid $1/pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  default_type text/plain;
  keepalive_requests 1000000000;
  client_body_temp_path $1/body;
  proxy_temp_path $1/proxy;
  fastcgi_temp_path $1/fastcgi;
  uwsgi_temp_path $1/uwsgi;
  scgi_temp_path $1/scgi;
  $2
}
CONF
}

start_backend() {
  free_port
  backend=127.0.0.1:$port
  peer backend "$port"
  if has nginx; then
    local kib
    kib=$(printf '%1024s' '' | tr ' ' x)
    nginx_conf "$tmp/backend" "server { listen $backend; location / { return 200 '$kib'; } }"
    backend_is='nginx, 1 KiB'
    launch backend "$LOAD_CPU" nginx -p "$tmp/backend" -e stderr -c "$tmp/backend/nginx.conf"
  elif [ -x "$INGORA" ]; then
    backend_is='ingora whoami'
    launch backend "$LOAD_CPU" "$INGORA" whoami --http "$backend"
  else
    echo "no backend: neither nginx nor $INGORA is there" >&2
    return 1
  fi
}

start_ingora() { # name shape count: asked for the route in the middle
  if [ ! -x "$INGORA" ]; then
    echo "ingora: left out: $INGORA is not there (cargo build --release --bin ingora)" >&2
    return 1
  fi
  local name=$1 shape=$2 count=$3 web
  free_port
  web=$port
  free_port
  mkdir -p "$tmp/$name.manifests"
  routes "$shape" "$count" "$tmp/$name.manifests"
  cat >"$tmp/$name.yaml" <<CONF
version: 1
threads: 1
entryPoints:
  web:
    address: 127.0.0.1:$web
  traefik:
    address: 127.0.0.1:$port
ping: {}
providers:
  manifests:
    path: $tmp/$name.manifests
CONF
  host[$name]=$(route_host "$shape" $((count / 2)))
  url[$name]=http://127.0.0.1:$web$(route_path "$shape" $((count / 2)))
  want[$name]=200
  [ "$count" -gt 0 ] || want[$name]=404
  launch "$name" "$PROXY_CPU" "$INGORA" run --config "$tmp/$name.yaml"
}

start_bare() {
  if [ ! -x "$BARE" ]; then
    echo "bare: left out: $BARE is not there (cargo build --release --example bare_pingora)" >&2
    return 1
  fi
  free_port
  peer bare "$port"
  launch bare "$PROXY_CPU" "$BARE" "127.0.0.1:$port" "$backend" 1
}

start_nginx() {
  has nginx || { echo "nginx: left out: not installed" >&2; return 1; }
  free_port
  peer nginx "$port"
  nginx_conf "$tmp/nginx" "
  upstream backend { server $backend; keepalive 1024; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:$port;
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Host \$http_host;
      proxy_set_header Connection '';
    }
  }"
  launch nginx "$PROXY_CPU" nginx -p "$tmp/nginx" -e stderr -c "$tmp/nginx/nginx.conf"
}

start_haproxy() {
  has haproxy || { echo "haproxy: left out: not installed" >&2; return 1; }
  free_port
  peer haproxy "$port"
  cat >"$tmp/haproxy.cfg" <<CONF
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend web
  bind 127.0.0.1:$port
  default_backend all
backend all
  server backend $backend
CONF
  launch haproxy "$PROXY_CPU" haproxy -db -f "$tmp/haproxy.cfg"
}
