#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian package in $BUILD/deb, from a copy of the sources with
# docker/debian in its place. Its version is the sources'; REVISION is Debian's.
set -eu

cd "$(dirname "$0")/.."
stage=${BUILD:-build}/deb
define()
{
	sed -n "s/^#define $1 \(\"\|INT64_C(\)\([0-9.]*\).*/\2/p" \
	    policy/version.h
}
version=$(define TRUST_VERSION)-${REVISION:-1}
date=$(date -u -R -d "@$(define TRUST_BUILD_DATE)")

rm -rf "$stage"
mkdir -p "$stage/source"
tar -c --exclude='*.pyc' Makefile CHANGELOG.md plugin policy certs cli docs \
    docker | tar -x --no-same-owner -C "$stage/source"
mv "$stage/source/docker/debian" "$stage/source/debian"
sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$date/" \
    "$stage/source/debian/changelog.in" >"$stage/source/debian/changelog"
rm "$stage/source/debian/changelog.in"
# Nothing of the make that has called this.
unset MAKEFLAGS MFLAGS BUILD CFLAGS
if ! (cd "$stage/source" && dpkg-buildpackage --build=binary --no-sign) \
    >"$stage/log" 2>&1; then
	tail -n 30 "$stage/log" >&2
	exit 1
fi
rm -rf "$stage/source"
ls "$stage"/*.deb
