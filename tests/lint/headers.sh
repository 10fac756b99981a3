#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone.
set -eu
# shellcheck disable=SC2016 # sh -c sees $1
find plugin policy certs cli -name '*.h' -print0 | sort -z |
    xargs -0 -r -n 1 -P "$(nproc)" sh -c '
	errors=$("${CC:-gcc}" -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -Ipolicy \
	    -fsyntax-only -include "$1" -x c /dev/null 2>&1) && exit 0
	echo "$1:1: want a header that compiles alone"
	echo "$errors"
	exit 1
' sh
