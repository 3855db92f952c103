#!/bin/sh
# First process in the namespaces: boot.sh PACKAGE RESULT INSIDE. Makes the root, and becomes systemd there.
set -e
mount --make-rprivate /
mount -t tmpfs memory /mnt
mkdir /mnt/upper /mnt/work /mnt/root
root=/mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work root "$root"
rm -rf "$root/etc/systemd/system" "$root/var/log/journal"
mkdir "$root/etc/systemd/system" "$root/result"
mount --bind "$2" "$root/result"

mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sys "$root/sys"
mount -t tmpfs run "$root/run"
if [ -d /sys/fs/cgroup/systemd ]; then
    mount -t tmpfs groups "$root/sys/fs/cgroup"
    mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
    mount -t cgroup -o none,name=systemd systemd "$root/sys/fs/cgroup/systemd"
    mount -t cgroup2 unified "$root/sys/fs/cgroup/unified"
else
    mount -t cgroup2 unified "$root/sys/fs/cgroup"
fi
mount -t tmpfs dev "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 pts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"

# Nothing that belongs to a whole machine.
for unit in dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-debug.mount \
    sys-kernel-tracing.mount systemd-binfmt.service systemd-modules-load.service systemd-random-seed.service \
    systemd-remount-fs.service systemd-sysctl.service systemd-sysusers.service systemd-tmpfiles-setup.service \
    systemd-tmpfiles-setup-dev.service systemd-udevd.service systemd-udev-trigger.service systemd-update-utmp.service; do
    ln -s /dev/null "$root/etc/systemd/system/$unit"
done
dpkg-deb -x "$1" "$root"
cp "$3" "$root/result/inside.sh"
cat > "$root/etc/systemd/system/inside.service" <<EOF
[Service]
Type=oneshot
ExecStart=/bin/sh /result/inside.sh
StandardOutput=file:/result/log
StandardError=inherit
# Its end, good or bad, is the end of this systemd.
ExecStopPost=/usr/bin/systemctl --force exit
EOF
cd "$root"
mkdir mnt/old
pivot_root . mnt/old
umount -l mnt/old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=inside.service --show-status=0
