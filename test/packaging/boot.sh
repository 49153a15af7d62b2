#!/bin/sh
# Makes WORK/root the root of a machine of its own and starts systemd as its first process. container.ts calls this in new
# namespaces of everything but users and control groups:
#
#   boot.sh group WORK GROUP NODE     enters the control group, which becomes the root of all that the machine sees of them
#   boot.sh root WORK NODE            mounts what it needs, leaves the old root, and becomes systemd
#
# Every mount is made in the mount namespace alone and ends with it.
set -eu
stage=$1 work=$2
if [ "$stage" = group ]; then
  echo 0 >"$3/cgroup.procs"
  exec unshare --cgroup /bin/sh "$0" root "$work" "$4"
fi

node=$3
# /proc is still that of the outside, and so is this number.
read -r pid rest </proc/self/stat
root=$work/root
mount --bind "$root" "$root"
cd "$root"
mount -t overlay -o "lowerdir=/usr,upperdir=$work/usr,workdir=$work/overlay" usr usr
mount --bind "$node" usr/bin/node
mount -o remount,bind,ro usr/bin/node
mount -t tmpfs -o mode=755,nosuid,nodev run run

mount -t tmpfs -o mode=755,nosuid dev dev
make_device() { mknod -m 666 "dev/$1" c "$2" "$3"; }
make_device null 1 3
make_device zero 1 5
make_device full 1 7
make_device random 1 8
make_device urandom 1 9
make_device tty 5 0
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "fd/${number%:*}" "dev/${number#*:}"; done

mount -t proc -o nosuid,nodev,noexec proc proc
# What there is of the kernel but once is not this machine's to change.
for shared in sys sysrq-trigger irq bus; do
  [ -e "proc/$shared" ] || continue
  mount --bind "proc/$shared" "proc/$shared"
  mount -o remount,bind,ro "proc/$shared"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup

# systemd shows each service its credentials by a mount that spreads: the root is shared with the namespaces below.
capabilities=-sys_time,-sys_module,-sys_boot,-sys_rawio,-syslog,-audit_control,-audit_read,-audit_write,-mac_admin,-mac_override
pivot_root . old
echo "$pid" >"old$work/pid"
exec chroot . /bin/sh -euc "
  umount -l /old
  mount --make-rshared /
  exec env -i container=smbkit PATH=/usr/sbin:/usr/bin setpriv --bounding-set $capabilities \
    /lib/systemd/systemd --system --unit=multi-user.target --show-status=no
" </dev/null
