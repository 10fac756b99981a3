# SPDX-License-Identifier: Apache-2.0
# The demonstration's new sensor: it comes with a token, gets its certificate
# from the Edge CA, and sends with that.
# shellcheck shell=sh disable=SC2154

newcomer=$run/newcomer

# What it takes in the registry, one record a line.
enrollment_records()
{
	cat <<-END
	{"kind":"role","id":"edge-ca","rules":[{"effect":"allow","actions":["subscribe"],"topics":["trust/v1/enroll/+/request","trust/v1/enroll/+/+/request","trust/v1/bundle"]},{"effect":"allow","actions":["publish"],"topics":["trust/v1/enroll/+/response","trust/v1/enroll/+/+/response"]}]}
	{"kind":"device","id":"edge-ca","auth":{"type":"thumbprint","primary":"$1"},"roles":["edge-ca"]}
	{"kind":"device","id":"temp-09","auth":{"type":"ca","group":"plant-7"}}
	END
}

# Folders of older demonstrations lack it.
register_enrollment()
{
	[ -e "$devices/edge-ca.pem" ] ||
	    trustctl pki device "$pki" edge-ca --self-signed >/dev/null
	! trustctl show -r "$origin" device edge-ca >/dev/null 2>&1 || return 0
	enrollment_records "$(openssl x509 -in "$devices/edge-ca.pem" -noout \
	    -fingerprint -sha256 | cut -d = -f 2)" |
	    trustctl put -r "$origin" >/dev/null
}

start_edge_ca()
{
	launch "$gateway/edge-ca.log" "Edge CA" \
	    "$build/trustctl" edge-ca serve \
	    --ca "$pki/edge-ca.pem" --ca-key "$pki/edge-ca.key" \
	    --chain "$pki/intermediate.pem" --match 'temp-*' \
	    --audit "$gateway/edge-ca.jsonl" \
	    --host localhost --port "$gateway_port" \
	    --cafile "$pki/root.pem" --cert "$devices/edge-ca.pem" \
	    --key "$devices/edge-ca.key"
}

# Another one at each start, for the last one is spent.
make_token()
{
	rm -rf "$newcomer"
	mkdir "$newcomer"
	trustctl remove -r "$origin" token demo >/dev/null 2>&1 || :
	trustctl token create temp-09 -r "$origin" --gateway gw1 \
	    --expires 1h --id demo -o "$newcomer/token" >/dev/null
}

# Until the gateway holds that token too, and with it what was put before.
wait_for_token()
{
	token=$(trustctl show -r "$origin" --json token demo)
	for _ in $(seq 300); do
		[ "$(trustctl show -r "$replica" --json token demo 2>&1)" != \
		    "$token" ] || return 0
		check_processes
		sleep 0.1
	done
	fail "want the token demo at the gateway, it does not come; its log" \
	    "is $gateway/broker.log"
}

enroll()
{
	trustctl enroll --host localhost --port "$gateway_port" \
	    --cafile "$pki/root.pem" --token-file "$newcomer/token" \
	    --timeout 20s -o "$1" temp-09 2>&1
}

show_newcomer()
{
	echo
	echo "5. A new sensor comes with a token, and gets its certificate"
	register_enrollment
	make_token
	wait_for_token
	start_edge_ca
	wait_for "$gateway/edge-ca.log" 'answering$'
	cat <<-END
	   Edge CA    trustctl edge-ca serve, process $pid,
	              log $gateway/edge-ca.log
	   token      $newcomer/token, for temp-09 alone, and for one key
	END
	enrolled=$(enroll "$newcomer") ||
	    fail "want a certificate for temp-09, got: $enrolled"
	echo "   temp-09 made its key in $newcomer, and asked"
	echo "      ISSUED   $(echo "$enrolled" | sed -n '1s/^temp-09: //p')"
	sensor temp-09 "with that certificate" \
	    "$newcomer/temp-09-chain.pem" "$newcomer/temp-09.key"
	mark=$(stat -c %s "$gateway/broker.log")
	echo "   somebody else, with the same token"
	if enroll "$newcomer/again" >/dev/null; then
		fail "want no second certificate, got one in $newcomer/again"
	fi
	line=$(answer "$mark" token:demo)
	line=${line#*mosquitto_trust: refused }
	echo "      REFUSED  ${line%% (*}"
}
