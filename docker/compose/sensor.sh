#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A sensor: it makes its key, gets its certificate with its token, sends a
# reading every ten seconds, and renews before the week is over.
set -eu

id=$1

ask()
{
	trustctl enroll --host gateway --cafile root.pem --timeout 20s "$@" "$id"
}

# The gateway may not know the token yet.
until [ -e "$id-chain.pem" ] || ask --token-file token; do
	sleep 2
done

while :; do
	if [ -n "$(find -L "$id-chain.pem" -mmin +4320)" ]; then
		ask --cert "$id-chain.pem" --key "$id.key" --new-key || :
	fi
	celsius=$(shuf -n 1 -i 18-24).$(shuf -n 1 -i 0-9)
	if mosquitto_pub -h gateway -p 8883 --cafile root.pem \
	    --cert "$id-chain.pem" --key "$id.key" -i "$id" -q 1 \
	    -t "devices/$id/celsius" -m "$celsius"; then
		echo "$id: sent $celsius"
	fi
	sleep 10
done
