#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the image, with docker or else with buildah. From the environment:
#   BASE     the Debian to build on
#   IMAGE    its name
#   BUILDER  docker or buildah, not whichever is there
set -eu

cd "$(dirname "$0")/.."
version=$(sed -n 's/^#define TRUST_VERSION "\(.*\)"/\1/p' policy/version.h)
builder=${BUILDER:-}

if [ -n "$builder" ]; then
	:
elif command -v docker >/dev/null && docker info >/dev/null 2>&1; then
	builder=docker
elif command -v buildah >/dev/null; then
	builder=buildah
else
	echo "${0##*/}: want docker, with its daemon, or buildah, got neither" >&2
	exit 1
fi
set -- "$builder" build
if [ "$builder" = buildah ]; then
	# Only Docker's format has a health check.
	set -- "$@" --format docker --ignorefile docker/Dockerfile.dockerignore
fi
exec "$@" --file docker/Dockerfile \
    --build-arg BASE="${BASE:-debian:bookworm-slim}" \
    --label org.opencontainers.image.title=mosquitto-trust \
    --label org.opencontainers.image.version="$version" \
    --label org.opencontainers.image.licenses=Apache-2.0 \
    --tag "${IMAGE:-mosquitto-trust}" .
