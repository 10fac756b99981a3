# SPDX-License-Identifier: Apache-2.0
"""A person at a terminal, and what that one keeps for himself."""

import os
import pty
import select
import subprocess
import termios
import time

from trustctl import PATIENCE


def write_secret(path, text):
    path.write_text(text)
    path.chmod(0o600)
    return path


class Terminal:
    """A program with a terminal of its own, that a person sits at."""

    def __init__(self, ctl, *command):
        self.fd, theirs = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *map(str, command)], cwd=ctl.folder,
            env=ctl.environment, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.shown = ""

    def read(self):
        if select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.shown += os.read(self.fd, 4096).decode()
            except OSError:  # the other end is closed
                return False
        return True

    def has_echo(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def wait_for_question(self, words):
        end = time.monotonic() + PATIENCE
        while words not in self.shown or self.has_echo():
            assert time.monotonic() < end and self.read(), self.shown

    def wait_for(self, words):
        end = time.monotonic() + PATIENCE
        while words not in self.shown:
            assert time.monotonic() < end and self.read(), self.shown

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """The exit status."""
        while self.read():
            pass
        os.close(self.fd)
        return self.process.wait(PATIENCE)
