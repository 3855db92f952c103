# Stands in for OpenWrt's /lib/functions/network.sh: /networks has a line for each network that is up, with its device.
# shellcheck shell=sh

network_get_device() {
	local found
	found="$(sed -n "s/^$2 //p" /networks)"
	[ -n "$found" ] && eval "$1=\$found"
}
