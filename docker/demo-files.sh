# SPDX-License-Identifier: Apache-2.0
# What lies in the demonstration's folder: made once, kept for the next start.
# demo.sh says where ($pki, $upstream, $origin, ...).
# shellcheck shell=sh disable=SC2154

# Until 0.1.0 the gateway's registry was an origin, in the folder itself: now
# it is the one upstream, with all that somebody has put into it. The file
# itself goes last: what an interruption leaves is taken up again.
adopt_older_registry()
{
	[ -e "$run/registry.db" ] || return 0
	[ ! -e "$origin" ] ||
	    fail "want one origin registry, got $origin and the older" \
	        "$run/registry.db; move one of them away"
	echo "Moving the registry of an older demonstration to $origin"
	for file in registry.db-wal registry.db-shm; do
		[ ! -e "$run/$file" ] || mv "$run/$file" "$upstream/"
	done
	[ ! -e "$run/registry.db.local" ] ||
	    mv "$run/registry.db.local" "$gateway/"
	mv "$run/registry.db" "$origin"
	rm -f "$run"/broker-*.log "$run"/mosquitto-*.conf
}

# The gateway's certificate, and the sensors'.
make_certificates()
{
	[ ! -e "$pki/root.pem" ] || return 0
	echo "Making a development PKI in $pki, for the gateway and sensors"
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

# A PKI of its own: no sensor's certificate is good for anything upstream.
make_upstream_certificates()
{
	[ ! -e "$upstream/pki/root.pem" ] || return 0
	echo "Making another in $upstream/pki, for the upstream and its clients"
	rm -rf "$upstream/pki.new"
	trustctl pki init "$upstream/pki.new" --hostname localhost >/dev/null
	for id in gw1 origin; do
		trustctl pki device "$upstream/pki.new" "$id" >/dev/null
	done
	mv "$upstream/pki.new" "$upstream/pki"
}

# The registry's records, one a line.
records()
{
	cat <<-END
	{"kind":"group","id":"plant-7","anchors":["factory-root"],"match":["temp-*","dashboard"]}
	{"kind":"role","id":"reader","rules":[{"effect":"allow","actions":["subscribe"],"topics":["devices/#"]}]}
	{"kind":"device","id":"temp-03","auth":{"type":"ca","group":"plant-7"}}
	{"kind":"device","id":"dashboard","auth":{"type":"ca","group":"plant-7"},"roles":["reader"]}
	END
}

make_registry()
{
	[ ! -e "$origin" ] || return 0
	echo "Making a registry of devices, $origin"
	rm -rf "$upstream/new"
	mkdir "$upstream/new"
	new=$upstream/new/registry.db
	{
		trustctl init --development -r "$new"
		trustctl anchor add --yes -r "$new" --id factory-root \
		    --purpose device,bundle "$pki/root.pem"
		records | trustctl put -r "$new"
		for id in temp-01 temp-02; do
			trustctl device add -r "$new" "$id" \
			    --certificate "$devices/$id.pem"
		done
		trustctl device disable -r "$new" temp-02
	} >/dev/null
	mv "$new" "$origin"
	rmdir "$upstream/new"
}

make_files()
{
	mkdir -p "$gateway" "$upstream"
	adopt_older_registry
	make_certificates
	make_upstream_certificates
	make_registry
	install -m 0600 docker/demo-upstream.acl "$upstream/acl"
}
