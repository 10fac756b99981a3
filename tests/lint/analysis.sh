#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What cppcheck finds. `make analyze` asks others as well, and takes longer.
exec tests/analyze/run.py cppcheck
