# SPDX-License-Identifier: Apache-2.0
# The demonstration's sensors: who is let in at the gateway, who is refused,
# and how fast one is out that was disabled upstream.
# shellcheck shell=sh disable=SC2154

# How the origin has a device, in words.
registered()
{
	status=0
	record=$(trustctl show -r "$origin" --json device "$1" 2>&1) ||
	    status=$?
	case $status in
	0) ;;
	1) echo "registered by nobody" && return ;;
	*) echo "$record" && return ;;
	esac
	case $record in
	*'"type":"thumbprint"'*) how="by the thumbprint of its certificate" ;;
	*'"type":"ca"'*) how="for a chain to factory-root" ;;
	*) how="by a key" ;;
	esac
	case $record in
	*'"status":"disabled"'*) echo "registered $how, and disabled" ;;
	*) echo "registered $how" ;;
	esac
}

# Why the gateway lets a device in: reason ID CHAIN.
reason()
{
	trustctl check -r "$replica" --client-id "$1" "$2" | sed -n \
	    '/^allow: /{ N; s/^allow: \([a-z_]*\).*\n */\1: /; s/;.*//p; }'
}

# What the gateway says about client $2 behind the first $1 octets of its log:
# a refusal, or that it is connected.
answer()
{
	for _ in $(seq 200); do
		tail -c "+$(($1 + 1))" "$gateway/broker.log" | grep -m 1 \
		    -e 'mosquitto_trust: refused ' \
		    -e "New client connected from .* as $2 " && return
		sleep 0.1
	done
	fail "the gateway says nothing about $2; its log is" \
	    "$gateway/broker.log"
}

# sensor ID WHAT CERT KEY: it sends a reading.
sensor()
{
	mark=$(stat -c %s "$gateway/broker.log")
	timeout --foreground 20 mosquitto_pub -h localhost -p "$gateway_port" \
	    --cafile "$pki/root.pem" --cert "$3" --key "$4" -i "$1" -q 1 \
	    -t "devices/$1/celsius" -m 21.5 >/dev/null 2>&1 || :
	line=$(answer "$mark" "$1")
	printf '   %s, %s\n' "$1" "$2"
	case $line in
	*refused*)
		line=${line#*mosquitto_trust: refused }
		echo "      REFUSED  ${line%% (certificate *}"
		;;
	*) echo "      LET IN   $(reason "$1" "$3")" ;;
	esac
}

show_sensors()
{
	echo
	echo "3. Sensors come to the gateway"
	for id in temp-01 temp-02 stranger; do
		sensor "$id" "$(registered "$id")" \
		    "$devices/$id.pem" "$devices/$id.key"
	done
	sensor temp-03 "$(registered temp-03)" \
	    "$devices/temp-03-chain.pem" "$devices/temp-03.key"
	sensor temp-01 "with a certificate that somebody else made in its name" \
	    "$pki/other/devices/temp-01.pem" "$pki/other/devices/temp-01.key"
	echo "   The gateway's log says for each refusal what to do about it."
}

# ---- Disabled upstream ----

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

# The sensor temp-01 connects, and ends with its connection; mosquitto_sub
# would come back and keep the moment to itself. So it is openssl that carries
# a CONNECT of MQTT 3.1.1 without a keep-alive, and its standard output is the
# CONNACK. False when it is refused.
connect()
{
	printf '\020\023\000\004MQTT\004\002\000\000\000\007temp-01' \
	    >"$gateway/connect"
	: >"$gateway/connack"
	setpriv --pdeathsig KILL timeout --foreground 60 \
	    openssl s_client -quiet \
	    -connect "localhost:$gateway_port" \
	    -CAfile "$pki/root.pem" -verify_return_error \
	    -verify_hostname localhost \
	    -cert "$devices/temp-01.pem" -key "$devices/temp-01.key" \
	    <"$gateway/connect" >"$gateway/connack" 2>"$gateway/sensor.log" &
	sensor=$!
	while is_running "$sensor"; do
		! printf '\040\002\000\000' | cmp -s - "$gateway/connack" ||
		    return 0
		sleep 0.02
	done
	sensor=
	return 1
}

# The gateway lets temp-01 in again: waits for that.
connect_again()
{
	for _ in $(seq 300); do
		! connect || return 0
		check_processes
		sleep 0.1
	done
	fail "want temp-01 let in again, got a refusal; the gateway's log is" \
	    "$gateway/broker.log"
}

# An interruption in between leaves the registry as it was.
enable_again()
{
	[ -z "$to_enable" ] ||
	    trustctl device enable -r "$origin" "$to_enable" >/dev/null
	to_enable=
}

show_disabled_upstream()
{
	echo
	echo "4. temp-01 is disabled upstream while it is connected"
	if ! connect; then
		case $(registered temp-01) in
		*disabled) how="it is disabled; enable it (see below)" ;;
		*) how="the gateway does not let it in; change that upstream" ;;
		esac
		echo "   Not shown: $how and start again"
		return
	fi
	echo "   temp-01 is connected at the gateway"
	to_enable=temp-01
	trustctl device disable -r "$origin" temp-01 >/dev/null
	since=$(now_ms)
	status=0
	wait "$sensor" || status=$?
	took=$(($(now_ms) - since))
	# The status of timeout when it is over.
	[ "$status" -ne 124 ] || fail "want temp-01 disconnected, it is" \
	    "connected still; the gateway's log is $gateway/broker.log"
	echo "   DISABLED upstream; its connection ended $took ms later"
	enable_again
	since=$(now_ms)
	connect_again
	echo "   ENABLED upstream; it was let in again" \
	    "$(($(now_ms) - since)) ms later"
	kill "$sensor"
	wait "$sensor" 2>/dev/null || :
}
