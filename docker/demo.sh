#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The demonstration: a development PKI, a registry with a few sensors, a
# broker with the plugin, and sensors that it lets in or refuses. All of it
# lies in run/ and is kept for the next start. BUILD is what make built.
set -eu

cd "$(dirname "$0")/.."
PATH=$PATH:/usr/sbin
build=$(realpath "${BUILD:-build}")
run=run
pki=$run/pki
devices=$pki/devices
registry=$run/registry.db
ports=$(seq 8883 8899)
broker=
follower=

fail()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

trustctl()
{
	"$build/trustctl" "$@"
}

# ---- What lies in run/ ----

make_certificates()
{
	[ ! -e "$pki/root.pem" ] || return 0
	echo "Making a development PKI in $pki"
	rm -rf "$pki.new"
	trustctl pki init "$pki.new" --hostname "$(uname -n)" >/dev/null
	for id in temp-01 temp-02 stranger; do
		trustctl pki device "$pki.new" "$id" --self-signed >/dev/null
	done
	for id in temp-03 dashboard; do
		trustctl pki device "$pki.new" "$id" >/dev/null
	done
	# Somebody else who made a certificate in the name of temp-01.
	trustctl pki init "$pki.new/other" --hostname other >/dev/null
	trustctl pki device "$pki.new/other" temp-01 --self-signed >/dev/null
	mv "$pki.new" "$pki"
}

# The registry's records, one a line.
records()
{
	pem=$(awk '{ printf "%s\\n", $0 }' "$pki/root.pem")
	cat <<-END
	{"kind":"anchor","id":"factory-root","pem":"$pem","purposes":["device"]}
	{"kind":"group","id":"plant-7","anchors":["factory-root"],"match":["temp-*","dashboard"]}
	{"kind":"role","id":"reader","rules":[{"effect":"allow","actions":["subscribe"],"topics":["devices/#"]}]}
	{"kind":"device","id":"temp-03","auth":{"type":"ca","group":"plant-7"}}
	{"kind":"device","id":"dashboard","auth":{"type":"ca","group":"plant-7"},"roles":["reader"]}
	END
}

make_registry()
{
	[ ! -e "$registry" ] || return 0
	echo "Making a registry of devices, $registry"
	rm -rf "$run/new"
	mkdir "$run/new"
	new=$run/new/registry.db
	{
		trustctl init -r "$new"
		records | trustctl put -r "$new"
		for id in temp-01 temp-02; do
			trustctl device add -r "$new" "$id" \
			    --certificate "$devices/$id.pem"
		done
		trustctl device disable -r "$new" temp-02
	} >/dev/null
	mv "$new" "$registry"
	rmdir "$run/new"
}

# ---- The broker ----

stop()
{
	trap '' INT TERM HUP
	# shellcheck disable=SC2086 # those there are
	kill $follower $broker 2>/dev/null || :
	wait
}

is_running()
{
	kill -0 "$broker" 2>/dev/null
}

# Started by root the broker would become the user mosquitto, who may not read
# a clone in root's home: it stays who started it.
start_on()
{
	log=$run/broker-$1.log
	conf=$run/mosquitto-$1.conf
	sed -e "s|@PORT@|$1|" -e "s|@USER@|$(id -un)|" \
	    -e "s|@RUN@|$PWD/$run|" -e "s|@BUILD@|$build|" \
	    docker/demo.conf.in >"$conf"
	mosquitto -c "$conf" >"$log" 2>&1 &
	broker=$!
	until grep -q 'mosquitto version .* running' "$log"; do
		is_running || return 1
		sleep 0.1
	done
}

start_broker()
{
	for port in $ports; do
		if start_on "$port"; then
			return
		fi
		broker=
		if ! grep -q 'Address already in use' "$log"; then
			cat "$log" >&2
			fail "the broker did not start"
		fi
		rm -f "$log" "$conf"
	done
	fail "want a free port of 8883 to 8899, got none"
}

# ---- The sensors ----

# What a client of ours needs besides its topic: client PROGRAM ID CERT KEY.
client()
{
	echo "$1 -h localhost -p $port --cafile $pki/root.pem" \
	    "--cert $3 --key $4 -i $2"
}

# What the broker says about client $2 behind the first $1 octets of its log:
# a refusal, or that it is connected.
answer()
{
	for _ in $(seq 100); do
		tail -c "+$(($1 + 1))" "$log" | grep -m 1 \
		    -e 'mosquitto_trust: refused ' \
		    -e "New client connected from .* as $2 " && return
		sleep 0.1
	done
	fail "the broker says nothing about $2; its log is $log"
}

# Why the gateway lets a device in: reason ID CHAIN.
reason()
{
	trustctl check -r "$registry" --client-id "$1" "$2" |
	    sed -n '/^allow: /{ N; s/^allow: \([a-z_]*\).*\n */\1: /p; }'
}

# Folded under what stands in the first nine columns.
tell()
{
	printf '%s\n' "$1" | fold -s -w 76 | sed '2,$s/^/         /; s/^/  /'
}

# sensor ID WHAT CERT KEY
sensor()
{
	mark=$(stat -c %s "$log")
	echo
	echo "$1, $2"
	# shellcheck disable=SC2046 # its words
	timeout --foreground 20 $(client mosquitto_pub "$1" "$3" "$4") -q 1 \
	    -t "devices/$1/celsius" -m 21.5 >/dev/null 2>&1 || :
	line=$(answer "$mark" "$1")
	case $line in
	*refused*) tell "REFUSED  ${line#*mosquitto_trust: refused }" ;;
	*)
		tell "LET IN   ${line#*: }"
		tell "         $(reason "$1" "$3")"
		;;
	esac
}

show_sensors()
{
	sensor temp-01 "registered by the thumbprint of its own certificate" \
	    "$devices/temp-01.pem" "$devices/temp-01.key"
	sensor temp-03 "by a chain through two intermediates to factory-root" \
	    "$devices/temp-03-chain.pem" "$devices/temp-03.key"
	sensor temp-02 "registered by thumbprint and disabled" \
	    "$devices/temp-02.pem" "$devices/temp-02.key"
	sensor stranger "with a certificate that nobody registered" \
	    "$devices/stranger.pem" "$devices/stranger.key"
	sensor temp-01 "by its name, with a certificate made by somebody else" \
	    "$pki/other/devices/temp-01.pem" "$pki/other/devices/temp-01.key"
}

show_commands()
{
	cat <<-END

	The gateway runs on port $port. In another terminal, in $PWD:

	see what arrives
	  $(client mosquitto_sub dashboard "$devices/dashboard-chain.pem" \
	    "$devices/dashboard.key") -t 'devices/#' -v
	send a reading: let in
	  $(client mosquitto_pub temp-01 "$devices/temp-01.pem" \
	    "$devices/temp-01.key") -t devices/temp-01/celsius -m 22.5
	send one as the disabled sensor: refused
	  $(client mosquitto_pub temp-02 "$devices/temp-02.pem" \
	    "$devices/temp-02.key") -t devices/temp-02/celsius -m 22.5
	let it in after all, and send again
	  $build/trustctl device enable temp-02 -r $registry
	why, in every step
	  $build/trustctl check -r $registry $devices/temp-03-chain.pem

	Ctrl-C stops the gateway. $run/ is kept for the next start; make clean
	removes it. The broker's log from here on:
	END
}

mkdir -p "$run"
exec 9>"$run/lock"
flock -n 9 || fail "a gateway of $PWD/$run runs already; stop it first"
trap stop EXIT
trap 'exit 0' INT TERM HUP
make_certificates
make_registry
start_broker
show_sensors
show_commands
tail -n 0 -F "$log" 2>/dev/null &
follower=$!
# Not longer than who started it: a make that was killed leaves nothing behind.
while is_running && [ -e "/proc/$PPID" ]; do
	sleep 1 &
	wait $!
done
is_running || fail "the broker ended by itself; its log is $log"
