#!/bin/sh
# Starts this pod's sentinel. What it learns is kept beside the data, so that it survives the pod. It asks for the
# password of Redis, of its fellows too: who may talk to a sentinel says where functions go with that password.
set -eu
. "$(dirname "$0")/leader.sh"
conf=$DATA/sentinel.conf
umask 077
if [ ! -f "$conf" ]; then
	first=$(leader)
	cat >"$conf.new" <<-END
		sentinel resolve-hostnames yes
		sentinel announce-hostnames yes
		sentinel monitor kubernaut $first $PORT 2
		sentinel down-after-milliseconds kubernaut $DOWN_AFTER
		sentinel failover-timeout kubernaut $FAILOVER_WITHIN
		sentinel parallel-syncs kubernaut 1
	END
	mv "$conf.new" "$conf"
fi
# The password and the addresses are always those of now. What a sentinel has written down of its user counts more
# than requirepass, and may be that there is no password, or another.
sed -i -e '/^sentinel auth-pass /d' -e '/^requirepass /d' -e '/^user default /d' -e '/^sentinel announce-ip /d' -e '/^port /d' -e '/^bind /d' -e '/^dir /d' "$conf"
{
	echo "port $SENTINEL_PORT"
	echo "bind $BIND"
	echo "dir $RUN"
	echo "sentinel announce-ip $SELF"
	sed -n -e 's/^masterauth /sentinel auth-pass kubernaut /p' -e '/^requirepass /p' "$AUTH"
} >>"$conf"
exec redis-server "$conf" --sentinel
