# Writes the manifests of compare.sh, which sources this file: one IngressRoute, Service and EndpointSlice a route.
# All rules of a shape are of one length, so their order is that of their numbers.
# shellcheck shell=bash disable=SC2154
route_host() { # shape number
  if [ "$1" = host ]; then printf 'r%06d.bench.test' "$2"; else echo bench.test; fi
}

route_path() { # shape number
  if [ "$1" = host ]; then echo /bench; else printf '/r%06d/bench' "$2"; fi
}

routes() { # shape count directory: in files of 10,000, as one file may have 64 MiB
  awk -v shape="$1" -v count="$2" -v directory="$3" -v port="${backend##*:}" '
  BEGIN {
    for (i = 0; i < count; i++) {
      name = sprintf("r%06d", i)
      file = sprintf("%s/routes-%02d.yaml", directory, i / 10000)
      rule = shape == "host" ? "Host(`" name ".bench.test`)" : "Host(`bench.test`) && PathPrefix(`/" name "/`)"
      print "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute" > file
      print "metadata:\n  name: " name "\n  namespace: bench" > file
      print "spec:\n  entryPoints: [web]\n  routes:\n    - kind: Rule\n      match: " rule > file
      print "      services:\n        - name: " name "\n          port: 80" > file
      print "---\napiVersion: v1\nkind: Service" > file
      print "metadata:\n  name: " name "\n  namespace: bench" > file
      print "spec:\n  ports:\n    - name: http\n      port: 80" > file
      print "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice" > file
      print "metadata:\n  name: " name "-1\n  namespace: bench\n  labels:\n    kubernetes.io/service-name: " name > file
      print "addressType: IPv4\nports:\n  - name: http\n    port: " port > file
      print "endpoints:\n  - addresses: [127.0.0.1]\n    conditions: {ready: true}" > file
    }
  }'
}
