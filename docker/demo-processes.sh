# SPDX-License-Identifier: Apache-2.0
# The demonstration's processes: started on free ports, watched, and stopped.
# shellcheck shell=sh disable=SC2154

# All that run, "PID LOG WHAT" a line.
processes=

# keep LOG WHAT: the process that was started last is one of them.
keep()
{
	pid=$!
	processes="$pid $*
$processes"
}

# launch LOG WHAT COMMAND...: leaves its process in $pid. Should this script
# be killed without a chance to stop it, the kernel does. Whoever reads the log
# next finds nothing of the last start in it.
launch()
{
	launch_log=$1
	launch_what=$2
	shift 2
	: >"$launch_log"
	setpriv --pdeathsig KILL "$@" >"$launch_log" 2>&1 </dev/null &
	keep "$launch_log" "$launch_what"
}

is_running()
{
	kill -0 "$1" 2>/dev/null
}

# Fails when one of them has ended, with the end of its log.
check_processes()
{
	while read -r ended_pid ended_log ended_what; do
		if [ -z "$ended_pid" ] || is_running "$ended_pid"; then
			continue
		fi
		tail -n 5 "$ended_log" >&2
		fail "the $ended_what has ended by itself; its log is $ended_log"
	done <<-END
	$processes
	END
}

# wait_for LOG PATTERN: until it stands there.
wait_for()
{
	for _ in $(seq 600); do
		! grep -q "$2" "$1" || return 0
		check_processes
		sleep 0.1
	done
	fail "want a line like '$2' within a minute, got none; the log is $1"
}

# start_on PORT WHAT FOLDER: false when the port is taken. Started by root a
# broker would become the user mosquitto, who may not read a clone in root's
# home: it stays who started it.
start_on()
{
	sed -e "s|@PORT@|$1|" -e "s|@UPSTREAM@|${upstream_port-}|" \
	    -e "s|@LISTEN@|$listen|" -e "s|@USER@|$(id -un)|" \
	    -e "s|@RUN@|$(realpath "$run")|" \
	    -e "s|@BUILD@|$(realpath "$build")|" \
	    "docker/demo-$2.conf.in" >"$3/mosquitto.conf"
	others=$processes
	launch "$3/broker.log" "$2 broker" mosquitto -c "$3/mosquitto.conf"
	until grep -q 'mosquitto version .* running' "$3/broker.log"; do
		if ! is_running "$pid" &&
		    grep -q 'Address already in use' "$3/broker.log"; then
			processes=$others
			return 1
		fi
		check_processes
		sleep 0.1
	done
	echo "$pid" >"$3/broker.pid"
}

# start_broker WHAT FOLDER FIRST LAST: on the first of these ports that is
# free, which it leaves in $port.
start_broker()
{
	for port in $(seq "$3" "$4"); do
		! start_on "$port" "$1" "$2" || return 0
	done
	fail "want a free port of $3 to $4 for the $1 broker, got none"
}

start_publisher()
{
	launch "$upstream/publish.log" publisher "$build/trustctl" publish \
	    --follow -r "$origin" --scope gw1 \
	    --signer "$upstream/pki/registry-signer.pem" \
	    --key "$upstream/pki/registry-signer.key" \
	    --anchor "$upstream/pki/registry-root.pem" \
	    --host localhost --port "$upstream_port" \
	    --cafile "$upstream/pki/root.pem" \
	    --cert "$upstream/pki/devices/origin-chain.pem" \
	    --tls-key "$upstream/pki/devices/origin.key"
}

# Asked again every two seconds, because Mosquitto forgets a SIGTERM that
# comes while it starts. SIGCONT is for a broker that somebody has stopped.
stop_processes()
{
	for stop_round in $(seq 0 100); do
		case $stop_round in
		0 | 20 | 40 | 60) stop_signal=TERM ;;
		80) stop_signal=KILL ;;
		*) stop_signal=CONT ;;
		esac
		left=
		for stop_pid in $(echo "$processes" | cut -d ' ' -f 1); do
			is_running "$stop_pid" || continue
			left=yes
			kill -s "$stop_signal" "$stop_pid" 2>/dev/null || :
		done
		[ -n "$left" ] || break
		sleep 0.1
	done
	wait
}
