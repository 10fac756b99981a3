#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everybody whom a gateway has to bear beside its good sensors:

    strangers.py PORT RATE STRANGER.pem STRANGER.key RUDE RUDE.pem RUDE.key

so many unknown certificates a second, handshakes that stop half-way, and with
the certificate of a registered device packets that are too large, or come
octet by octet. It starts with a line of its input and stops with the next, and
says then how many unknown certificates were refused since it runs, and how
many large packets."""

import collections
import contextlib
import itertools
import random
import socket
import ssl
import sys
import threading
import time

import mqtt

THREADS = 10
HALF_OPEN = 200
SLOW = 20
PATIENCE_S = 60
# A PUBLISH that says that 200 MB follow (MQTT 3.1.1 section 2.2.3).
HUGE = b"\x30\xff\xff\xff\x5f"


class Strangers:
    """What is counted is counted by several threads."""

    def __init__(self, port, rate, stranger, rude_id, rude):
        self.address = ("127.0.0.1", port)
        self.rate = rate
        self.stranger, self.rude = stranger, rude
        self.rude_id = rude_id
        self.on = threading.Event()
        self.busy = 0
        self.counted = collections.Counter()
        self.lock = threading.Lock()

    def count(self, what):
        with self.lock:
            self.counted[what] += 1

    def repeat(self, step, rate):
        """For ever, at this rate while it is on."""
        due = 0
        for number in itertools.count():
            if not self.on.is_set():
                self.on.wait()
                # Not all at once.
                due = time.monotonic() + random.random() / rate
                time.sleep(max(0, due - time.monotonic()))
            with self.lock:
                self.busy += 1
            try:
                if self.on.is_set():
                    step(number)
            finally:
                with self.lock:
                    self.busy -= 1
            due = max(due + 1 / rate, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))

    def connect(self, context):
        plain = socket.create_connection(self.address, PATIENCE_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(plain)

    def be_unknown(self, number):
        try:
            with self.connect(self.stranger) as sock:
                sock.sendall(mqtt.connect("stranger"))
                if sock.recv(4):
                    self.count("let in")
                    return
        except TimeoutError:
            self.count("unanswered")
            return
        except OSError:  # an alert
            pass
        self.count("refused")

    def be_large(self, number):
        try:
            with self.connect(self.rude) as sock:
                sock.sendall(mqtt.connect(f"{self.rude_id}/large"))
                sock.recv(4)
                sock.sendall(HUGE + b"\0\x01t" + bytes(1000))
                sock.recv(1)
        except TimeoutError:
            self.count("unanswered")
            return
        except OSError:
            pass
        self.count("large")

    def half_open(self):
        """Keeps so many, and gives up the oldest for a new one."""
        sockets = collections.deque()
        hello = client_hello()

        def step(number):
            with contextlib.suppress(OSError):
                sock = socket.create_connection(self.address, PATIENCE_S)
                sockets.append(sock)
                sock.sendall(hello[:len(hello) // 2 * (number % 2)])
            if len(sockets) > HALF_OPEN:
                sockets.popleft().close()

        return step

    def slow(self):
        """An octet each time, on one connection after the other."""
        text = mqtt.publish(f"devices/{self.rude_id}/t", "x" * 100)
        connections = {}

        def step(number):
            which, place = number % SLOW, number // SLOW % len(text)
            try:
                if which not in connections:
                    if place:
                        return  # at the next packet's beginning
                    connections[which] = self.connect(self.rude)
                    connections[which].sendall(
                        mqtt.connect(f"{self.rude_id}/slow-{which}"))
                connections[which].sendall(text[place:place + 1])
            except OSError:
                connections.pop(which, None)

        return step

    def start(self):
        for step, rate in (
                *[(self.be_unknown, self.rate / THREADS)] * THREADS,
                (self.half_open(), 20), (self.be_large, 10),
                (self.slow(), 100)):
            threading.Thread(target=self.repeat, args=(step, rate),
                             daemon=True).start()

    def stop(self):
        """Until nobody is on his way."""
        self.on.clear()
        while self.busy:
            time.sleep(0.01)


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    tls = context.wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def identity(chain, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(chain, key)
    return context


def main(port, rate, chain, key, rude_id, rude_chain, rude_key):
    strangers = Strangers(int(port), float(rate), identity(chain, key),
                          rude_id, identity(rude_chain, rude_key))
    strangers.start()
    for _ in sys.stdin:
        if not strangers.on.is_set():
            strangers.on.set()
            continue
        strangers.stop()
        print(*(strangers.counted[what] for what in (
            "refused", "large", "let in", "unanswered")), flush=True)


main(*sys.argv[1:])
