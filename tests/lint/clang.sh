#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# No warning of clang's either; gcc's are errors in the build. FLAGS are its.
set -eu
export FLAGS="${FLAGS:--std=c17 -D_GNU_SOURCE -Wall -Wextra -Ipolicy}"
# shellcheck disable=SC2016 # sh -c sees $FLAGS and $@
find plugin policy certs cli bench -name '*.c' -print0 | sort -z |
    xargs -0 -r -n 20 -P "$(nproc)" sh -c '
	# shellcheck disable=SC2086 # a list of flags
	clang $FLAGS -Werror -fsyntax-only "$@" 2>&1
' sh
