export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run/scratch
# The processor is emulated: what a test waits for takes longer.
export RTSPSCOPE_TEST_PATIENCE=30
mkdir /run/scratch
ip link set lo up
mount -t bpf bpf /sys/fs/bpf
# Modules come from the packages of this kernel, for the kernel's own requests too.
printf '#!/bin/sh\nexec /sbin/modprobe -d MODULES "$@"\n' > /run/modprobe
chmod +x /run/modprobe
echo /run/modprobe > /proc/sys/kernel/modprobe
