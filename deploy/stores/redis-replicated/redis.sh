#!/bin/sh
# Starts this pod's Redis behind whoever leads. SELF is its own host name; BIND the addresses to listen on.
set -eu
. "$(dirname "$0")/leader.sh"
leader=$(leader)
umask 077
cp "$CONFIG" "$RUN/redis.conf"
{
	echo "include $AUTH"
	echo "dir $DATA"
	echo "port $PORT"
	echo "bind $BIND"
	echo "replica-announce-ip $SELF"
} >>"$RUN/redis.conf"
if [ "$leader" != "$SELF" ]; then
	echo "replicaof $leader $PORT" >>"$RUN/redis.conf"
elif [ ! -d "$DATA/appendonlydir" ]; then
	# It is taken for the leader and has no data. Where another Redis has some, starting empty would make it
	# forget: this one stays down until the sentinels have made the other the leader.
	for host in $HOSTS; do
		[ "$host" != "$SELF" ] || continue
		keys=$(timeout 2 redis-cli -h "$host" -p "$PORT" --raw dbsize 2>/dev/null) || keys=
		case "$keys" in
		'' | *[!0-9]* | 0) ;;
		*)
			echo "$SELF is to lead but has lost its data; waiting for $host, which has it, to lead" >&2
			exit 1
			;;
		esac
	done
fi
exec redis-server "$RUN/redis.conf"
