#!/usr/bin/env bash
# Makes sure that what the tests run is there: a recent Node and the outside clients. Quick when all is present.
set -euo pipefail

major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\).*/\1/p')
if [ "${major:-0}" -lt 24 ]; then
  echo "smbkit needs Node 24 or later, found: $(node --version 2>/dev/null || echo none)." >&2
  echo "'npm ci' puts one into node_modules/.bin, which 'npm test' and 'npm run …' use by themselves." >&2
  exit 1
fi

missing=()
command -v smbclient >/dev/null || missing+=(smbclient)
command -v smbd >/dev/null || missing+=(samba)
# Its acl_xattr and streams_xattr, without which no share of it opens.
compgen -G '/usr/lib/*/samba/vfs/acl_xattr.so' >/dev/null || missing+=(samba-vfs-modules)
command -v smbtorture >/dev/null || missing+=(samba-testsuite)
command -v tshark >/dev/null || missing+=(tshark)
command -v strace >/dev/null || missing+=(strace)
# For the power-cut test, which only root can run.
[ "$(id -u)" -ne 0 ] || [ -x /usr/sbin/mkfs.xfs ] || missing+=(xfsprogs)
# For the test of the service, which boots systemd in namespaces of its own; it need not be the one that runs here.
[ "$(id -u)" -ne 0 ] || [ -x /lib/systemd/systemd ] || missing+=(systemd)
[ "$(id -u)" -ne 0 ] || command -v ss >/dev/null || missing+=(iproute2)
[ "$(id -u)" -ne 0 ] || command -v openssl >/dev/null || missing+=(openssl)
/usr/bin/python3 -c 'import impacket' 2>/dev/null || missing+=(python3-impacket)
[ ${#missing[@]} -eq 0 ] && exit 0

# The recommended packages of smbclient and tshark are not needed.
install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests need these Debian packages: ${missing[*]}. Install them with:" >&2
  echo "  sudo apt-get update && sudo ${install[*]}" >&2
  exit 1
fi

echo "Installing ${missing[*]} for the tests …"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Another apt may hold a lock: dpkg's is waited for by apt itself, the one on the package lists by trying again.
for attempt in 1 2 3 4 5 6; do
  if apt-get update -q >"$log" 2>&1 && "${install[@]}" -q -o DPkg::Lock::Timeout=300 >>"$log" 2>&1; then
    exit 0
  fi
  grep -q 'Could not get lock' "$log" || break
  sleep $((attempt * 10))
done
cat "$log" >&2
exit 1
