#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What somebody makes by hand before the first start: certificates, the
# registry, a token for each sensor. Each container gets its own, in a volume
# of its own: no key of a CA is where the broker is. Made once, and kept.
set -eu

sensors=$*
cd /site
[ ! -e pki/made ] || exit 0
# One that was interrupted: nobody has seen anything of it yet.
find . -mindepth 2 -delete

owned()
{
	install -o 1883 -g 1883 -m 0400 "$@"
}

# Two PKIs: no sensor's certificate is good for anything upstream.
trustctl pki init pki/devices --hostname gateway >/dev/null
trustctl pki init pki/upstream --hostname upstream >/dev/null
for id in edge-ca health; do
	trustctl pki device pki/devices "$id" --self-signed >/dev/null
done
for id in gw1 origin; do
	trustctl pki device pki/upstream "$id" >/dev/null
done

records()
{
	cat <<-END
	{"kind":"group","id":"plant-7","anchors":["factory-root"],"match":["temp-*"]}
	{"kind":"role","id":"edge-ca","rules":[{"effect":"allow","actions":["subscribe"],"topics":["trust/v1/enroll/+/request","trust/v1/enroll/+/+/request","trust/v1/bundle"]},{"effect":"allow","actions":["publish"],"topics":["trust/v1/enroll/+/response","trust/v1/enroll/+/+/response"]}]}
	{"kind":"role","id":"health","rules":[{"effect":"allow","actions":["publish"],"topics":["\$CONTROL/trust/v1"]},{"effect":"allow","actions":["subscribe"],"topics":["\$CONTROL/trust/v1/response"]}]}
	END
}

make_registry()
{
	export TRUST_REGISTRY=origin/registry.db
	trustctl init --development
	trustctl anchor add --yes --id factory-root --purpose device,bundle \
	    pki/devices/root.pem
	records | trustctl put
	for id in edge-ca health; do
		trustctl device add "$id" --role "$id" \
		    --certificate "pki/devices/devices/$id.pem"
	done
	for id in $sensors; do
		trustctl device add "$id" --group plant-7
		trustctl token create "$id" --gateway gw1 -o "$id/token"
		chown 1883:1883 "$id/token"
		owned pki/devices/root.pem "$id"
	done
}

make_registry >/dev/null

# Who signs the registry, and the line to the upstream.
owned pki/upstream/registry-signer.pem pki/upstream/registry-signer.key \
    pki/upstream/registry-root.pem pki/upstream/root.pem \
    pki/upstream/devices/origin-chain.pem pki/upstream/devices/origin.key \
    origin
owned pki/upstream/root.pem pki/upstream/server.pem pki/upstream/server.key \
    upstream
owned pki/devices/server.pem pki/devices/server.key \
    pki/upstream/registry-root.pem pki/upstream/devices/gw1-chain.pem \
    pki/upstream/devices/gw1.key gateway
owned pki/upstream/root.pem gateway/upstream-root.pem
owned pki/devices/root.pem pki/devices/devices/health.pem \
    pki/devices/devices/health.key health
owned pki/devices/edge-ca.pem pki/devices/edge-ca.key \
    pki/devices/intermediate.pem pki/devices/root.pem edge-ca
owned pki/devices/devices/edge-ca.pem edge-ca/client.pem
owned pki/devices/devices/edge-ca.key edge-ca/client.key

# What they write themselves, they write here.
# shellcheck disable=SC2086 # a list of words
chown 1883:1883 origin origin/registry.db* edge-ca $sensors
: >pki/made
