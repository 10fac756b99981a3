#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages, as mandoc sees them.
set -eu
find docs -name '*.[1-8]' -print0 | xargs -0 mandoc -T lint -W warning
