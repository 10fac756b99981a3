#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: the rooms, the levels inside policy/, and which file
may see which library."""

import fnmatch
import pathlib
import re

import source

# A file uses its own level and lower ones. What is named x_y belongs to x.
LEVELS = (
    "err span log limit clock reason sync_reason steps user version",
    "thumbprint certificate topic record field json pool template ground",
    "profile chain role ahead identity verdict signer statement notification content"
    " sync_field exchange enroll envelope",
    "registry sets local seen block token",
    "decide judge admission cache anchor explain gate replica publication",
    "trust",
)

# What a room may include of the others.
NEIGHBOURS = {
    "policy": (),
    "certs": ("policy/err.h", "policy/span.h", "policy/limit.h"),
    "plugin": ("policy/trust.h",),
    "cli": ("policy/trust.h", "certs/*.h"),
}

# Headers of libraries that only some files may see.
LIBRARIES = (
    ("mosquitto.h", ("plugin/*", "cli/*")),
    ("mosquitto[_/]*.h", ("plugin/*",)),
    ("openssl/ssl.h",
        ("plugin/handshake*.c", "cli/est_http.c", "cli/probe.c")),
    ("curl/*.h", ("cli/est_http.c",)),
    # Deprecated, and gone in OpenSSL 4.
    ("openssl/engine.h", ("certs/key_engine.c",)),
    ("sqlite3.h", ("policy/registry*",)),
    ("sys/socket.h", ("plugin/*", "cli/*")),
    ("netdb.h", ("plugin/*", "cli/*")),
)

# Headers of the project that only some files may see.
PRIVATE = (
    ("policy/registry_publication.h",
     ("policy/registry*", "policy/publication*")),
    ("policy/registry_*.h", ("policy/registry*", "policy/replica_internal.h")),
    ("policy/*_internal.h", ("policy/*.c",)),
)

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)')


def any_match(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


def level(stem):
    while stem:
        for n, stems in enumerate(LEVELS):
            if stem in stems.split():
                return n
        stem = stem.rpartition("_")[0]
    return None


def resolve(path, name):
    """The file that a quoted include names, as the compiler finds it."""
    for folder in (path.parent, pathlib.Path("policy")):
        found = folder / name
        if found.exists():
            parts = found.resolve().relative_to(pathlib.Path.cwd())
            return pathlib.Path(parts)
    return None


def check_allowed(path, line, name, table):
    for header, allowed in table:
        if fnmatch.fnmatchcase(name, header):
            if not any_match(str(path), allowed):
                source.report(path, line, f"includes {name}, want it only "
                              f"in {' '.join(allowed)}")
            return


def check_level(path, line, target):
    mine, theirs = level(path.stem), level(target.stem)
    if mine is not None and theirs is not None and theirs > mine:
        source.report(path, line, f"level {mine} includes {target.name} of "
                      f"level {theirs}, want its own level or a lower one")


def check_own(path, line, name, uses):
    target = resolve(path, name)
    if target is None:
        source.report(path, line, f'"{name}" is no file of the project, want '
                      "<> for a library's header")
        return
    room = path.parts[0]
    if target.parts[0] == room:
        if room == "policy":
            check_level(path, line, target)
            check_allowed(path, line, str(target), PRIVATE)
        if path.suffix == ".h":
            uses.setdefault(path, {})[target] = line
    elif not any_match(str(target), NEIGHBOURS[room]):
        wanted = " ".join(NEIGHBOURS[room]) or "no other room"
        source.report(path, line, f"includes {target}, want {wanted}")


def check_circles(uses):
    """No header includes itself through others."""
    done = set()

    def visit(header, above):
        for target, line in uses.get(header, {}).items():
            if target in above:
                way = above[above.index(target):] + [target]
                source.report(header, line, "want no circle, got " +
                              " > ".join(map(str, way)))
            elif target not in done:
                visit(target, above + [target])
        done.add(header)

    for header in list(uses):
        if header not in done:
            visit(header, [header])


def main():
    uses = {}
    for path in source.files(source.ROOMS, ".c", ".h"):
        if path.parts[0] == "policy" and level(path.stem) is None:
            source.report(path, 1, "has no level, want it in LEVELS of "
                          "tests/lint/includes.py")
        for n, text in enumerate(source.code(path, strings=True), 1):
            match = INCLUDE.match(text)
            if match and match[1] == "<":
                check_allowed(path, n, match[2], LIBRARIES)
            elif match:
                check_own(path, n, match[2], uses)
    check_circles(uses)
    source.finish()


main()
