#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The plugin exports its entry points and nothing else.
set -eu
want='mosquitto_plugin_cleanup mosquitto_plugin_init mosquitto_plugin_version'
got=$(nm -D --defined-only "${BUILD:-build}/mosquitto_trust.so" | awk '{print $3}' |
    sort | xargs)
[ "$got" = "$want" ] && exit 0
echo "plugin/exports.map:1: want exactly $want, got $got"
exit 1
