#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what a target needs of Debian's packages: deps.sh build|run|test|...
# Silent and instant when nothing is missing, and on systems without dpkg.
set -eu

build="gcc make libc6-dev libssl-dev libsqlite3-dev libjansson-dev uthash-dev
libmosquitto-dev mosquitto-dev libcurl4-openssl-dev"
run="$build mosquitto mosquitto-clients openssl procps"
test="$run gnutls-bin libcmocka-dev python3-pytest python3-pytest-xdist
python3-paho-mqtt python3-websocket python3-cryptography rabbitmq-server
softhsm2 nginx fcgiwrap faketime"
# What leads OpenSSL to a token: Debian 12 has no provider that does.
# shellcheck source=/dev/null
case $(. /etc/os-release && echo "${VERSION_ID-}") in
12) test="$test libengine-pkcs11-openssl" ;;
*) test="$test pkcs11-provider p11-kit-modules" ;;
esac

case "${1-}" in
build) want=$build ;;
run) want=$run ;;
test) want=$test ;;
lint) want="$build clang clang-format shellcheck mandoc python3 binutils
cppcheck" ;;
analyze) want="$build python3 clang-tidy cppcheck" ;;
valgrind) want="$test valgrind" ;;
coverage) want="$test gcovr" ;;
fuzz) want="$build clang" ;;
bench) want="$run python3 valgrind" ;;
matrix) want="debootstrap" ;;
deb) want="$build build-essential debhelper" ;;
ship) want="$build build-essential debhelper lintian debootstrap buildah iproute2
	docker-compose python3-yaml systemd-container" ;;
*)
	printf 'usage: %s build|run|test|lint|analyze|valgrind|coverage|%s\n' \
	    "${0##*/}" 'fuzz|bench|matrix|deb|ship' >&2
	exit 2
	;;
esac

missing()
{
	# shellcheck disable=SC2086 # a list of words
	printf '%s\n' $want | sort >"$tmp/want"
	# shellcheck disable=SC2086
	dpkg-query -W -f '${Package} ${db:Status-Status}\n' $want \
	    2>/dev/null | sed -n 's/ installed$//p' | sort -u >"$tmp/have"
	comm -23 "$tmp/want" "$tmp/have" | tr '\n' ' ' | sed 's/ $//'
}

# Nobody asked for the services of Mosquitto and RabbitMQ, and where no init
# runs, one that cannot start would fail its package.
hold_services()
{
	policy=/usr/sbin/policy-rc.d
	[ ! -e "$policy" ] || return 0
	printf '#!/bin/sh\nexit 101\n' >"$tmp/policy"
	$as_root install -m 0755 "$tmp/policy" "$policy"
	trap '$as_root rm -f "$policy"; rm -rf "$tmp"' EXIT
	trap 'exit 130' INT TERM
}

give_up()
{
	echo "${0##*/}: packages are missing, as root: apt-get install" \
	    "$(missing)" >&2
	exit 1
}

command -v dpkg-query >/dev/null || exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
# With make -j, one at a time.
exec 9<"$0"
flock 9
list=$(missing)
[ -n "$list" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	as_root=
elif command -v sudo >/dev/null; then
	as_root=sudo
else
	give_up
fi
echo "Installing Debian packages: $list"
hold_services
# Some source that cannot be had just now need not matter.
# shellcheck disable=SC2086
if { $as_root apt-get -qq update || :
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install \
	    --yes --no-install-recommends $list; } >"$tmp/log" 2>&1 </dev/null
then
	exit 0
fi
grep -E '^(E:|sudo:)' "$tmp/log" >&2 || :
give_up
