# Sourced by redis.sh and sentinel.sh: finds out who leads. In this order it believes a sentinel that can be
# asked, what the sentinel of this pod last wrote down, and else that it is the first start, which the first
# host leads.
#
#   HOSTS          every Redis, separated by spaces
#   DATA           the folder that survives restarts
#   SENTINEL_PORT  where sentinels listen
leader() {
	for host in $HOSTS; do
		found=$(timeout 2 redis-cli -h "$host" -p "$SENTINEL_PORT" --raw sentinel get-master-addr-by-name kubernaut 2>/dev/null | head -n 1) || found=
		case " $HOSTS " in *" ${found:-none} "*)
			echo "$found"
			return
			;;
		esac
	done
	if [ -f "$DATA/sentinel.conf" ]; then
		found=$(sed -n 's/^sentinel monitor kubernaut \([^ ]*\) .*/\1/p' "$DATA/sentinel.conf")
		if [ -n "$found" ]; then
			echo "$found"
			return
		fi
	fi
	echo "${HOSTS%% *}"
}
