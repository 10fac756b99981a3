#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The C sources look as `make fmt` leaves them; one line for each file. With
# the argument "fix", makes them so. Debian 12's clang-format says how: others
# lay out differently.
set -u
major=14

sources()
{
	find ./* -name '*.[ch]' -print0 | sort -z
}

version=$(clang-format --version) || exit 1
case $version in
*"version $major."*) ;;
*)
	echo "format: not done: want clang-format $major, got ${version##*version }"
	exit 0
	;;
esac
if [ "${1-}" = fix ]; then
	sources | xargs -0 -r clang-format -i
	exit
fi
found=$(sources | xargs -0 -r clang-format --dry-run -Werror 2>&1)
[ -n "$found" ] || exit 0
echo "$found" | awk -F: '/: error: / && !seen[$1]++ {
	print $1 ":" $2 ": want it as make fmt leaves it"; n++ }
	END { exit n == 0 ? 0 : 1 }' || exit 1
# No finding of that form: the tool itself failed.
echo "$found"
exit 1
