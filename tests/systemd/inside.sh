#!/bin/sh
# Runs as a service of the inner systemd: starts the packaged service between two interfaces, and leaves in /result what
# became of it.
set -e
cd /result
ip link set lo up
for side in lan wan; do
    ip link add "${side}0" type veth peer name "${side}1"
    ip link set "${side}0" up
    ip link set "${side}1" up
done
echo 'RTSPSCOPE_OPTIONS="--lan lan0 --wan wan0"' > /etc/default/rtspscope

said() {
    journalctl --quiet --output=cat _SYSTEMD_UNIT=rtspscope.service
}
systemctl is-enabled rtspscope.service > enabled || true
systemctl start rtspscope.service
tries=0
until said | grep -q '"observing"'; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || { systemctl status rtspscope.service; journalctl --no-pager; exit 1; }
    sleep 0.1
done
cat "/proc/$(systemctl show --property=MainPID --value rtspscope.service)/status" > status
systemctl reload rtspscope.service
systemctl show --property=ActiveState --value rtspscope.service > reloaded
systemctl stop rtspscope.service
systemctl show --property=Result --value rtspscope.service > ended
journalctl --sync
said > journal
