#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shell scripts, as shellcheck sees them.
set -eu
find .ci/run ./* \( -name '*.sh' -o -name '*.bash' -o -name run \
    -o -name '*.postinst' -o -name '*.prerm' -o -name '*.postrm' \) \
    -type f -print0 | xargs -0 shellcheck -x -f gcc
