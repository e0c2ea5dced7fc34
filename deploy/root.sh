#!/bin/sh
# Lays out the root of the image: root.sh BINARY DIRECTORY. The binary, and what it needs of the system that built it.
# deploy/Dockerfile runs it, and so does the test that starts the binary with nothing else around it.
set -eu
binary=$1 root=$2

# Nobody but root writes, except in /tmp; everybody reads.
umask 022
mkdir -p "$root/etc/ssl/certs" "$root/tmp"
chmod 1777 "$root/tmp"
install -m 755 "$binary" "$root/ingora"

# The libraries that are linked, the loader among them, under the paths where the loader looks for them.
libraries=$(ldd "$binary" | sed -n 's|[^/]*\(/[^ ]*\) (0x.*|\1|p')
[ -n "$libraries" ] || { echo "ldd names no library of $binary" >&2; exit 1; }
for library in $libraries; do
  mkdir -p "$root${library%/*}"
  install -m 755 "$library" "$root$library"
done

# Whom to believe where a server has HTTPS, or the API server of a kubeconfig.
install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

# A user that is nobody; and names are looked up in /etc/hosts, then by DNS.
echo 'ingora:x:65532:65532::/:/nowhere' >"$root/etc/passwd"
echo 'ingora:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
