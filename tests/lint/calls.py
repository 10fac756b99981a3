#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions that a room does not call, with what it does instead."""

import re

import source

# (rooms, names, what is wanted)
FORBIDDEN = (
    (source.ROOMS, "strcpy strcat sprintf vsprintf strtok gets alloca",
     "a function that knows the size"),
    (source.ROOMS, "atoi atol atoll atof", "strtoll with its end checked"),
    (("policy", "certs"), "time clock clock_gettime gettimeofday localtime "
     "localtime_r X509_gmtime_adj X509_cmp_current_time sleep usleep "
     "nanosleep", "the time as a parameter"),
    (("policy", "certs"), "getenv secure_getenv", "a parameter"),
    (("policy", "certs", "plugin"), "exit _exit _Exit quick_exit abort",
     "an error returned"),
    (("policy", "certs", "plugin"), "printf vprintf fprintf vfprintf puts "
     "fputs putchar putc fputc perror", "a message or the log"),
    (("policy", "certs"), "socket connect getaddrinfo BIO_new_connect",
     "no network here"),
)
STREAMS = re.compile(r"\b(stdin|stdout|stderr)\b")
# Comparisons that end at the first difference, of things that are secret or
# decide about trust.
COMPARISON = re.compile(r"(?<![\w.>])(?:mem|str)n?cmp\s*\(([^;]*)")
DIGEST = re.compile(r"thumbprint|digest|\bpins?\b|hash|secret|sha256|"
                    r"\.b\b|->b\b", re.I)
HIDING = re.compile(r"\b(return|goto)\b")


def names(words):
    return re.compile(r"(?<![\w.>])(" + "|".join(words.split()) + r")\s*\(")


def check_calls(path, lines):
    for rooms, words, want in FORBIDDEN:
        if path.parts[0] not in rooms:
            continue
        pattern = names(words)
        for n, text in enumerate(lines, 1):
            for match in pattern.finditer(text):
                source.report(path, n, f"{match[1]}(), want {want}")


def check_streams(path, lines):
    if path.parts[0] == "cli":
        return
    for n, text in enumerate(lines, 1):
        for match in STREAMS.finditer(text):
            source.report(path, n, f"{match[1]}, want a message or the log")


def check_comparisons(path, lines):
    whole = "\n".join(lines)
    for match in COMPARISON.finditer(whole):
        arguments = match[1].split(";")[0]
        if DIGEST.search(arguments):
            source.report(path, whole.count("\n", 0, match.start()) + 1,
                          "compares a digest or a secret, want "
                          "trust_thumbprint_equal or CRYPTO_memcmp")


def check_macros(path, lines):
    for n, text in enumerate(lines, 1):
        start = n
        while start > 1 and lines[start - 2].rstrip().endswith("\\"):
            start -= 1
        if (lines[start - 1].lstrip().startswith("#define")
                and HIDING.search(text)):
            source.report(path, n, "a macro hides a return or a goto, want "
                          "it where the reader sees it")


def main():
    for path in source.files(source.ROOMS, ".c", ".h"):
        lines = source.code(path)
        check_calls(path, lines)
        check_streams(path, lines)
        check_comparisons(path, lines)
        check_macros(path, lines)
    source.finish()


main()
