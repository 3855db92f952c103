#!/bin/sh
# Runs a systemd of its own in namespaces of its own: outside.sh PACKAGE RESULT. Its root is this machine's with memory laid
# over it, in which the package is unpacked; it runs inside.sh, whose directory of results is RESULT, and ends.
set -e
group="rtspscope-test-$$"

# A group of processes of its own in each hierarchy that systemd uses: both of the mixed kind, or the only one.
hierarchies=/sys/fs/cgroup
[ -d /sys/fs/cgroup/systemd ] && hierarchies="/sys/fs/cgroup/systemd /sys/fs/cgroup/unified"
for hierarchy in $hierarchies; do mkdir "$hierarchy/$group"; done
leave() {
    for hierarchy in $hierarchies; do
        # Processes that have just ended leave their group in a moment.
        for _ in 1 2 3 4 5 6 7 8 9; do
            find "$hierarchy/$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
            sleep 0.2
        done
    done
}
trap leave EXIT
trap 'exit 1' TERM

# The shell that enters them becomes the first process of the rest.
sh -c '
    for hierarchy in '"$hierarchies"'; do echo $$ > "$hierarchy/'"$group"'/cgroup.procs"; done
    exec unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup \
        setpriv --bounding-set=-sys_module,-sys_boot,-sys_time,-syslog "$@"
' sh sh "$(dirname "$0")/boot.sh" "$1" "$2" "$(dirname "$0")/inside.sh"
