# SPDX-License-Identifier: Apache-2.0
"""trustctl as a user runs it: in a folder, with a terminal or without."""

import dataclasses
import fcntl
import json
import os
import pathlib
import pty
import struct
import subprocess
import termios

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("TRUST_BUILD", ROOT / "build")).resolve()
PROGRAM = BUILD / "trustctl"
PATIENCE = 60

YES, NO, ERROR = 0, 1, 2


@dataclasses.dataclass
class Result:
    status: int
    out: str
    err: str


class Trustctl:
    """Runs the command in a folder. The registry that the environment names
    is `registry` there, unless that is None."""

    def __init__(self, folder, registry="registry.db"):
        self.folder = pathlib.Path(folder)
        self.environment = dict(os.environ, LC_ALL="C")
        self.environment.pop("TRUST_REGISTRY", None)
        if registry is not None:
            self.environment["TRUST_REGISTRY"] = str(registry)

    def run(self, *arguments, input="", timeout=PATIENCE, **more):
        done = subprocess.run(
            [PROGRAM, *map(str, arguments)], cwd=self.folder, input=input,
            env=self.environment, capture_output=True, timeout=timeout,
            encoding="utf-8", errors="surrogateescape", **more)
        return Result(done.returncode, done.stdout, done.stderr)

    def yes(self, *arguments, **more):
        """Done, with nothing but notes on standard error; what it printed."""
        result = self.run(*arguments, **more)
        assert result.status == YES and not [
            line for line in result.err.splitlines()
            if not line.startswith("trustctl: note: ")], result
        return result.out

    def no(self, *arguments, **more):
        """A negative answer, on standard output or in one error line."""
        result = self.run(*arguments, **more)
        assert result.status == NO, result
        if not result.out:
            return error_line(result)
        assert result.err == "", result
        return result.out

    def error(self, *arguments, **more):
        """An error, and nothing else; its one line without the program's
        name."""
        result = self.run(*arguments, **more)
        assert (result.status, result.out) == (ERROR, ""), result
        return error_line(result)

    def json(self, *arguments, status=YES, **more):
        """The JSON objects that it prints, one a line."""
        result = self.run(*arguments, "--json", **more)
        assert (result.status, result.err) == (status, ""), result
        return [json.loads(line) for line in result.out.splitlines()]

    def put(self, *records):
        """Put records, given as Python values."""
        return self.yes("put", input=lines(*records))

    def write(self, name, content):
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content)
        return path


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def error_line(result):
    assert result.err.startswith("trustctl: "), result
    assert result.err.count("\n") == 1 and result.err.endswith("\n"), result
    return result.err[len("trustctl: "):-1]


def on_terminal(ctl, *arguments, feed=(), columns=0):
    """Run with standard output and error on a terminal that shows UTF-8, and
    standard input a pipe into which `feed` is written piece by piece. Returns
    (status, what the terminal got)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ,
                struct.pack("4H", 24, columns, 0, 0))
    process = subprocess.Popen(
        [PROGRAM, *map(str, arguments)], cwd=ctl.folder,
        env=dict(ctl.environment, LC_ALL="C.UTF-8"), stdin=subprocess.PIPE,
        stdout=theirs, stderr=theirs)
    os.close(theirs)
    for piece in feed:
        process.stdin.write(piece)
        process.stdin.flush()
    process.stdin.close()
    got = b""
    try:
        while chunk := os.read(ours, 65536):
            got += chunk
    except OSError:
        pass  # the terminal's other end is closed
    os.close(ours)
    return process.wait(PATIENCE), got.decode()


def device(name, primary, **more):
    return {"kind": "device", "id": name,
            "auth": {"type": "thumbprint", "primary": primary}, **more}


def openssl(folder, *arguments, input=None):
    """Run openssl; what it printed."""
    return subprocess.run(
        ["openssl", *map(str, arguments)], cwd=folder, input=input,
        capture_output=True, check=True, text=True).stdout
