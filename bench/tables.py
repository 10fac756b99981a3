# SPDX-License-Identifier: Apache-2.0
"""The tables, in the order in which they are made and shown."""

import table_cluster
import table_connect
import table_dynsec
import table_instructions
import table_messages
import table_origin
import table_paths
import table_registry
import table_scale
import table_sessions
import table_storm
import table_sync

TABLES = {
    "connect": table_connect,
    "storm": table_storm,
    "messages": table_messages,
    "paths": table_paths,
    "registry": table_registry,
    "sync": table_sync,
    "origin": table_origin,
    "scale": table_scale,
    "cluster": table_cluster,
    "dynsec": table_dynsec,
    "sessions": table_sessions,
    "instructions": table_instructions,
}
