#!/usr/bin/env bash
# What the benchmark needs beside what the tests need: Debian's smbd, a C compiler and OpenSSL's headers.
set -euo pipefail
missing=()
command -v smbd >/dev/null || missing+=(samba)
# Its acl_xattr and streams_xattr, without which no share of it opens.
compgen -G '/usr/lib/*/samba/vfs/acl_xattr.so' >/dev/null || missing+=(samba-vfs-modules)
command -v smbclient >/dev/null || missing+=(smbclient)
command -v gcc >/dev/null || missing+=(gcc libc6-dev)
[ -e /usr/include/openssl/evp.h ] || missing+=(libssl-dev)
[ ${#missing[@]} -eq 0 ] && exit 0
install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The benchmark needs these Debian packages: ${missing[*]}. Install them with:" >&2
  echo "  sudo apt-get update && sudo ${install[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && "${install[@]}" -q
