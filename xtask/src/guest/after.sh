sync
echo o > /proc/sysrq-trigger
sleep 60
