#!/bin/busybox sh
# First process of a guest: reaches the root of the machine outside, lays memory over it, and runs the payload there.
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs dev /dev
for module in /modules/*; do $b insmod "$module"; done

stop() {
    echo "guest: $1"
    $b poweroff -f
}
ninep=trans=virtio,version=9p2000.L,msize=262144
$b mount -t 9p -o "$ninep,ro,cache=loose" host /host || stop "cannot reach the root outside"
$b mount -t tmpfs memory /memory
$b mkdir /memory/upper /memory/work
$b mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /root || stop "cannot lay memory over the root"
for directory in proc sys dev; do $b mount --move "/$directory" "/root/$directory"; done
$b mount -t tmpfs run /root/run
$b mkdir /root/run/out
$b mount -t 9p -o "$ninep" out /root/run/out || stop "cannot reach the results outside"
exec $b switch_root /root /bin/sh /run/out/payload.sh
