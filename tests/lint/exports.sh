#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The plugin exports its entry points and nothing else, and wants nothing of
# the broker but what every supported one has: the plugin API, and of
# libmosquitto what makes properties. Its other functions come along in some
# brokers only.
set -eu
plugin=${BUILD:-build}/mosquitto_trust.so
entries='mosquitto_plugin_cleanup mosquitto_plugin_init mosquitto_plugin_version'
api='mosquitto_broker_publish_copy mosquitto_callback_register
mosquitto_callback_unregister mosquitto_client_address
mosquitto_client_certificate mosquitto_client_clean_session
mosquitto_client_id mosquitto_client_protocol
mosquitto_client_protocol_version mosquitto_client_sub_count
mosquitto_client_username mosquitto_free mosquitto_kick_client_by_clientid
mosquitto_log_printf mosquitto_malloc mosquitto_property_add_binary
mosquitto_property_add_byte mosquitto_property_add_int32
mosquitto_property_add_string mosquitto_property_add_string_pair
mosquitto_property_free_all mosquitto_set_username'
broken=0

got=$(nm -D --defined-only "$plugin" | awk '{print $3}' | sort | xargs)
if [ "$got" != "$entries" ]; then
	echo "plugin/exports.map:1: want exactly $entries, got $got"
	broken=1
fi
for name in $(nm -D --undefined-only "$plugin" | awk '{print $2}' |
    grep '^mosquitto_'); do
	echo "$api" | grep -qw "$name" && continue
	echo "plugin/broker.h:1: want the plugin API alone, got $name"
	broken=1
done
exit "$broken"
