#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A good sensor that asks how long it is kept waiting for a PUBACK:

    probe.py PORT CLIENT-ID CHAIN.pem KEY.pem INTERVAL_MS

in a process of its own, so that the load's own work counts for nothing. For
each line that it reads it prints "SENT_US WAITED_US" for each answer since the
last time, on the monotonic clock, and an empty line; at the end of its input
the number of messages that it has published."""

import select
import socket
import ssl
import sys
import time

import mqtt


def main(port, client_id, chain, key, interval):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(chain, key)
    plain = socket.create_connection(("127.0.0.1", int(port)))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock = context.wrap_socket(plain)
    sock.sendall(mqtt.connect(client_id))
    if sock.recv(4) != b"\x20\x02\0\0":
        sys.exit("probe: want to be let in, got no such CONNACK")
    print("ready", flush=True)
    published, answers, due = 0, [], time.monotonic()
    while True:
        due += int(interval) / 1e3
        wait = max(0, due - time.monotonic())
        if select.select([sys.stdin], [], [], wait)[0]:
            if not sys.stdin.readline():
                break
            print("".join(f"{sent} {waited}\n" for sent, waited in answers),
                  flush=True)
            answers.clear()
            continue
        sent = time.monotonic_ns()
        sock.sendall(mqtt.packet(0x32, f"devices/{client_id}", b"\0\1",
                                 b"%d" % published))
        published += 1
        if sock.recv(4)[:1] != b"\x40":
            sys.exit("probe: want a PUBACK, got something else or the end")
        answers.append((sent // 1000, (time.monotonic_ns() - sent) // 1000))
    print(published, flush=True)


main(*sys.argv[1:])
