#!/bin/sh
# Starts this pod's Redis behind whoever leads. SELF is its own host name; BIND the addresses to listen on;
# ANYWAY_AFTER the seconds after which it may lead although it never caught up.
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
here() { timeout 2 redis-cli -h "$SELF" -p "$PORT" "$@" 2>/dev/null; }

# May this Redis be made the leader? Once it has caught up with one and has that on disk, until it has to
# catch up from the beginning again. Sentinels alone do not ask that: after a restart of all they could choose
# one that died while it was catching up, and so forget what was acknowledged. Where nobody leads for long,
# old data is better than none.
electable() {
	started=$(date +%s)
	while sleep 1; do
		info=$(here info) || continue
		case "$info" in
		*role:master*) ;;
		*master_sync_in_progress:1*) here config set replica-priority 0 >/dev/null ;;
		*master_link_status:up*)
			case "$info" in
			*aof_rewrite_in_progress:1* | *aof_rewrite_scheduled:1*) ;;
			*) here config set replica-priority 100 >/dev/null && started=$(date +%s) ;;
			esac
			;;
		*slave_priority:0*)
			if [ $(($(date +%s) - started)) -ge "$ANYWAY_AFTER" ]; then
				echo "nobody leads: $SELF may, with the data it has" >&2
				here config set replica-priority 100 >/dev/null
			fi
			;;
		esac || true
	done
}

electable &
exec redis-server "$RUN/redis.conf"
