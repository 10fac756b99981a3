#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The demonstration: a registry upstream and who publishes it, a gateway that
# follows it, sensors that it lets in or refuses, one that is disabled while it
# is connected, and one that gets its certificate. From the environment:
#   BUILD   what make built
#   RUN     the folder for all that is made, kept for the next start
#   LISTEN  the gateway's address
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
build=${BUILD:-build}
run=${RUN:-run}
listen=${LISTEN:-127.0.0.1}
gateway=$run/gateway
replica=$gateway/registry.db
pki=$run/pki
devices=$pki/devices
upstream=$run/upstream
origin=$upstream/registry.db
to_enable=

fail()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

trustctl()
{
	"$build/trustctl" "$@"
}

# shellcheck source=docker/demo-files.sh
. docker/demo-files.sh
# shellcheck source=docker/demo-processes.sh
. docker/demo-processes.sh
# shellcheck source=docker/demo-sensors.sh
. docker/demo-sensors.sh
# shellcheck source=docker/demo-newcomer.sh
. docker/demo-newcomer.sh

stop()
{
	trap '' INT TERM HUP
	stop_processes
	enable_again
}

start_upstream()
{
	echo
	echo "1. Upstream: the registry, who publishes it, and a broker"
	start_broker upstream "$upstream" 18883 18899
	upstream_port=$port
	upstream_pid=$pid
	start_publisher
	wait_for "$upstream/publish.log" 'published serial'
	cat <<-END
	   registry   $origin, the origin: edit this one
	   publisher  trustctl publish --follow, process $pid,
	              log $upstream/publish.log
	   broker     localhost:$port, process $upstream_pid,
	              log $upstream/broker.log
	END
}

start_gateway()
{
	echo
	echo "2. Gateway: Mosquitto with the plugin, bridged by TLS both ways"
	start_broker gateway "$gateway" 8883 8899
	gateway_port=$port
	gateway_pid=$pid
	wait_for "$upstream/publish.log" '^gateway gw1: .* up to date'
	cat <<-END
	   broker     localhost:$port, process $pid,
	              log $gateway/broker.log
	   registry   $replica, a replica: $(grep -o \
	    'serial [0-9]*, up to date' "$upstream/publish.log" | tail -n 1)
	END
}

# What a client of ours needs besides its topic: client PROGRAM ID [CHAIN].
client()
{
	echo "$1 -h localhost -p $gateway_port --cafile $pki/root.pem" \
	    "--cert $devices/${3-$2}.pem --key $devices/$2.key -i $2"
}

renewal()
{
	echo "$build/trustctl enroll --host localhost --port $gateway_port" \
	    "--cafile $pki/root.pem --cert $newcomer/temp-09-chain.pem" \
	    "--key $newcomer/temp-09.key --new-key -o $newcomer"
}

doctor()
{
	echo "$build/trustctl doctor --host localhost --port $gateway_port" \
	    "--anchor $pki/root.pem --cert $devices/$1.pem" \
	    "--key $devices/$1.key -r $replica"
}

now_disabled()
{
	case $(registered temp-02) in
	*disabled) echo "which is disabled: refused" ;;
	*) echo "which is enabled just now: let in" ;;
	esac
}

# Each line that is indented can be pasted as it is.
show_commands()
{
	cat <<-END

	All is running, until Ctrl-C. To try, in another terminal in
	$PWD:

	See what arrives at the gateway, until Ctrl-C there
	  $(client mosquitto_sub dashboard dashboard-chain) -t 'devices/#' -v
	Send a reading as temp-01
	  $(client mosquitto_pub temp-01) -t devices/temp-01/celsius -m 22.5
	Send one as temp-02, $(now_disabled)
	  $(client mosquitto_pub temp-02) -t devices/temp-02/celsius -m 22.5
	Stay connected as temp-01
	  $(client mosquitto_sub temp-01) -t 'devices/temp-01/#'
	Disable it upstream, in a third terminal, and see that connection end
	  $build/trustctl device disable temp-01 -r $origin
	Whom the gateway tells its devices to trust
	  $(client mosquitto_sub temp-01) -t trust/v1/bundle -C 1
	Let it in again
	  $build/trustctl device enable temp-01 -r $origin
	What the gateway holds about it
	  $build/trustctl show device temp-01 -r $replica
	Why a certificate is let in or refused, in every step
	  $build/trustctl check $devices/temp-03-chain.pem -r $replica
	What is in the way of temp-02, from its side, and what mends it
	  $(doctor temp-02)
	Renew the certificate of temp-09, with a new key
	  $(renewal)
	What the Edge CA has issued
	  cat $gateway/edge-ca.jsonl
	Which serial the gateway is at, as it has reported upstream
	  grep '^gateway ' $upstream/publish.log | tail -n 3
	Cut the line: the upstream broker stands still, the gateway goes on with
	what it holds; what is disabled now is refused only once the line is back
	  kill -STOP \$(cat $upstream/broker.pid)
	Join it again
	  kill -CONT \$(cat $upstream/broker.pid)
	END
}

# From where the gateway can be reached.
show_address()
{
	host=$(uname -n)
	echo
	if ! openssl x509 -in "$pki/server.pem" -noout -checkhost "$host" |
	    grep -q 'does match'; then
		echo "The gateway's certificate does not name this host," \
		    "$host; make clean, then make run"
		echo "makes one that does, for sensors in the network."
	elif [ "$listen" = 0.0.0.0 ]; then
		echo "Sensors in the network reach the gateway as" \
		    "$host:$gateway_port, the name in its certificate."
	else
		echo "Only this machine reaches the gateway. To open it to the" \
		    "network, where its"
		echo "certificate is good for the name $host:" \
		    "make run LISTEN=0.0.0.0"
	fi
}

show_end()
{
	cat <<-END

	Ctrl-C stops all of it. $run/ is kept for the next start; make clean removes
	it. The gateway's log from here on:
	END
}

case $listen in
127.0.0.1 | 0.0.0.0) ;;
*) fail "LISTEN: want 127.0.0.1 or 0.0.0.0, got $listen" ;;
esac
mkdir -p "$run"
exec 9>"$run/lock"
flock -n 9 || fail "a gateway of $(realpath "$run") runs already; stop it first"
trap stop EXIT
trap 'exit 0' INT TERM HUP
make_files
start_upstream
start_gateway
show_sensors
show_disabled_upstream
show_newcomer
show_commands
show_address
show_end
tail -n 0 -f --pid="$gateway_pid" "$gateway/broker.log" &
keep "$gateway/broker.log" "log's reader"
# Not longer than who started it: a make that was killed leaves nothing behind.
while [ -e "/proc/$PPID" ]; do
	check_processes
	sleep 1 &
	wait $!
done
