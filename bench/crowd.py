# SPDX-License-Identifier: Apache-2.0
"""Live sessions that feel their ends, many of them in one thread."""

import contextlib
import selectors
import socket
import ssl
import threading
import time

import lab
import mqtt


class Client:
    """A live session that can be asked."""

    def __init__(self, each, sensor):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.load_cert_chain(sensor.chain, sensor.key)
        plain = socket.create_connection(("127.0.0.1", each.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(lab.PATIENCE_S)
        self.socket = context.wrap_socket(plain)
        self.ask(mqtt.connect(sensor.client_id), 4)

    def ask(self, packet, length):
        self.socket.sendall(packet)
        answer = self.socket.recv(length)
        if not answer:
            raise RuntimeError("the broker closed a client of the bench")
        return answer

    def may_subscribe(self, topic):
        return self.ask(mqtt.subscribe(topic), 5)[4] == 0

    def has_ended(self):
        """To be asked when there is something to read."""
        with contextlib.suppress(ssl.SSLWantReadError):
            try:
                while self.socket.recv(100):
                    pass
            except ConnectionError:
                pass
            return True
        return False

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class Crowd:
    """Sessions that are all to end for one cause."""

    def __init__(self, each, sensors):
        self.clients = []
        with contextlib.ExitStack() as stack:
            for sensor in sensors:
                client = stack.enter_context(Client(each, sensor))
                client.socket.settimeout(0)
                self.clients.append(client)
            self.stack = stack.pop_all()

    def ends(self, cause):
        """Milliseconds until each ended, since the moment that `cause`
        returns, on the monotonic clock."""
        since = []
        thread = threading.Thread(target=lambda: since.append(cause()))
        ended = []
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                selector.register(client.socket, selectors.EVENT_READ, client)
            deadline = time.monotonic() + lab.PATIENCE_S
            thread.start()
            while selector.get_map():
                events = selector.select(1)
                now = time.monotonic()
                for key, _ in events:
                    if key.data.has_ended():
                        selector.unregister(key.fileobj)
                        ended.append(now)
                if now > deadline:
                    raise RuntimeError(
                        f"want the end of {len(self.clients)} sessions, got "
                        f"that of {len(ended)}")
        thread.join()
        if not since:
            raise RuntimeError("what was to end sessions has failed")
        # What `cause` started may be over before it returns.
        return [max(0, (each - since[0]) * 1e3) for each in ended]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stack.close()
