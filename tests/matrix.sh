#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# All tests on each Debian that is supported, in chroots that debootstrap
# makes and that are kept in MATRIX_DIR. MATRIX_SUITES picks some;
# MATRIX_MIRROR is another mirror than debootstrap's own.
set -eu

cd "$(dirname "$0")/.."
suites=${MATRIX_SUITES:-bookworm trixie sid}
dir=${MATRIX_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mosquitto-trust}

if [ "$(id -u)" -ne 0 ]; then
	echo "${0##*/}: want root, for debootstrap and chroot" >&2
	exit 1
fi
mkdir -p "$dir"

# Whole or not at all: an interrupted one is made anew.
make_chroot()
{
	[ ! -e "$dir/$1" ] || return 0
	echo "$1: making $dir/$1"
	rm -rf "$dir/$1.new"
	# shellcheck disable=SC2086 # no mirror, no argument
	debootstrap --variant=minbase --include=make,git,ca-certificates \
	    "$1" "$dir/$1.new" ${MATRIX_MIRROR:-} >"$dir/$1.log" 2>&1 &&
	    mv "$dir/$1.new" "$dir/$1"
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

run_suite()
{
	make_chroot "$1" && fill_chroot "$1" &&
	    in_chroot "$1" 'apt-get -qq update &&
		apt-get -qq --yes dist-upgrade && cd /src && make test' \
	    </dev/null >"$dir/$1.log" 2>&1
}

version()
{
	in_chroot "$1" "dpkg-query -W -f '\${Version}' $2" 2>/dev/null || :
}

failed=0
table=""
for suite in $suites; do
	start=$(date +%s)
	echo "$suite: running, see $dir/$suite.log"
	if run_suite "$suite"; then
		result=passed
	else
		result=FAILED
		failed=1
	fi
	summary=$(grep -E '[0-9]+ (passed|failed|error).* in ' \
	    "$dir/$suite.log" | tail -n 1 | tr -d = || :)
	table="$table$(printf '%-9s %-18s %-18s %-7s %4d s  %s' "$suite" \
	    "$(version "$suite" mosquitto)" "$(version "$suite" openssl)" \
	    "$result" "$(($(date +%s) - start))" "$summary")
"
done
printf '\n%-9s %-18s %-18s %-7s\n' suite mosquitto openssl result
printf '%s' "$table"
exit "$failed"
