#!/bin/sh
# Tries what a sandbox may keep from a user who could do it otherwise; for each a line, `yes` or `no` and what it was.
try() {
  what=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "yes $what"; else echo "no $what"; fi
}
own=/srv/smbkit/.probe
for folder in /srv/smbkit /var/lib/smbkit /var/log/smbkit /tmp /etc/open /opt/open /srv/open /usr/open /var/open; do
  try "write to $folder" touch "$folder/.probe"
done
try 'read below /home' cat /home/anna/secret
try 'read below /root' cat /root/secret
try 'see other processes' ls /proc/1
try 'make a user namespace' unshare --user true
try 'set the bit set-user-id' chmod u+s "$own"
try 'trace a process' strace -o /dev/null true
try 'change its priority' renice -n 5 $$
try 'change its personality' setarch i686 true
try 'ask for addresses' ip address show
rm -f "$own" /var/lib/smbkit/.probe /var/log/smbkit/.probe
