#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All tests on each Debian that is supported, then the units and the case table
# with other compilers and flags on the oldest. Chroots are made by debootstrap
# and kept in MATRIX_DIR. MATRIX_ROWS picks some rows; MATRIX_MIRROR is another
# mirror than debootstrap's own.
set -eu

cd "$(dirname "$0")/.."
rows=${MATRIX_ROWS:-bookworm bookworm-backports trixie sid clang O3 LTO FORTIFY3}
dir=${MATRIX_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mosquitto-trust}

if [ "$(id -u)" -ne 0 ]; then
	echo "${0##*/}: want root, for debootstrap and chroot" >&2
	exit 1
fi
mkdir -p "$dir"

# What a row's name stands for: suite, and flags where it has its own.
describe()
{
	suite=bookworm
	flags=
	case $1 in
	bookworm | bookworm-backports | trixie | sid) suite=$1 ;;
	clang) flags='CC=clang' ;;
	O3) flags='CFLAGS="-O3 -g -D_FORTIFY_SOURCE=2"' ;;
	LTO) flags='CFLAGS="-O2 -g -flto=auto -D_FORTIFY_SOURCE=2"' ;;
	FORTIFY3) flags='CFLAGS="-O2 -g -D_FORTIFY_SOURCE=3"' ;;
	*)
		echo "${0##*/}: MATRIX_ROWS, want some of bookworm" \
		    "bookworm-backports trixie sid clang O3 LTO FORTIFY3," \
		    "got $1" >&2
		exit 1
		;;
	esac
}

# Whole or not at all: an interrupted one is made anew.
make_chroot()
{
	[ ! -e "$dir/$1" ] || return 0
	echo "$1: making $dir/$1"
	rm -rf "$dir/$1.new"
	# shellcheck disable=SC2086 # no mirror, no argument
	debootstrap --variant=minbase --include=make,git,ca-certificates \
	    "${1%-backports}" "$dir/$1.new" ${MATRIX_MIRROR:-} \
	    >"$dir/$1.log" 2>&1 &&
	    add_backports "$1" "$dir/$1.new/etc/apt" &&
	    mv "$dir/$1.new" "$dir/$1"
}

# Of backports, Mosquitto alone.
add_backports()
{
	[ "${1%-backports}" != "$1" ] || return 0
	sed -n "s/ ${1%-backports} / $1 /p" "$2/sources.list" \
	    >"$2/sources.list.d/backports.list"
	printf 'Package: src:mosquitto\nPin: release n=%s\nPin-Priority: 990\n' \
	    "$1" >"$2/preferences.d/backports"
}

# The sources as they are now, and no service started by a package.
fill_chroot()
{
	rm -rf "$dir/$1/src"
	mkdir "$dir/$1/src"
	tar -c --exclude=./.git --exclude='./build*' --exclude=./run . |
	    tar -x --no-same-owner -C "$dir/$1/src"
	cp /etc/resolv.conf /etc/hosts "$dir/$1/etc"
	printf '#!/bin/sh\nexit 101\n' >"$dir/$1/usr/sbin/policy-rc.d"
	chmod +x "$dir/$1/usr/sbin/policy-rc.d"
	# A mirror that lags behind is good enough for tests.
	echo 'Acquire::Check-Valid-Until "false";' \
	    >"$dir/$1/etc/apt/apt.conf.d/matrix"
}

# In namespaces of its own, so that no mount and no process stays.
in_chroot()
{
	# shellcheck disable=SC2016 # the inner shell expands
	unshare --mount --pid --fork --kill-child \
	    --mount-proc="$dir/$1/proc" \
	    env LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive CI=true sh -c '
		mount -t devpts -o newinstance,ptmxmode=0666 \
		    devpts "$1/dev/pts"
		mount --bind "$1/dev/pts/ptmx" "$1/dev/ptmx"
		exec chroot "$1" sh -c "$2"
	' sh "$dir/$1" "$2"
}

run_row()
{
	make_chroot "$suite" && fill_chroot "$suite" || return
	checks='make test'
	[ -z "$flags" ] || checks="tests/deps.sh fuzz &&
	    make test BUILD=build-$1 PYTEST_ARGS='-k \"unit or cases\"' $flags"
	in_chroot "$suite" "apt-get -qq update &&
	    apt-get -qq --yes dist-upgrade && cd /src && $checks" \
	    </dev/null >"$dir/$1.log" 2>&1
}

version()
{
	in_chroot "$1" "dpkg-query -W -f '\${Version}' $2" 2>/dev/null || :
}

for row in $rows; do
	describe "$row"
done

failed=0
table=""
for row in $rows; do
	describe "$row"
	start=$(date +%s)
	echo "$row: running, see $dir/$row.log"
	if run_row "$row"; then
		result=passed
	else
		result=FAILED
		failed=1
	fi
	summary=$(grep -E '[0-9]+ (passed|failed|error).* in ' \
	    "$dir/$row.log" | tail -n 1 | tr -d = || :)
	table="$table$(printf '%-18s %-18s %-18s %-7s %4d s  %s' "$row" \
	    "$(version "$suite" mosquitto)" "$(version "$suite" openssl)" \
	    "$result" "$(($(date +%s) - start))" "$summary")
"
done
printf '\n%-18s %-18s %-18s %-7s\n' row mosquitto openssl result
printf '%s' "$table"
exit "$failed"
