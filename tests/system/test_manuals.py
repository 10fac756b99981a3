# SPDX-License-Identifier: Apache-2.0
"""What the manual pages show works as it stands there."""

import json
import re
import shutil
import subprocess

import pytest
from trustctl import BUILD, ROOT, Trustctl, openssl

KINDS = {"device", "anchor", "group", "crl", "role", "token", "gateway"}


def literals(page):
    """The examples of a page, as its reader sees them."""
    text = (ROOT / "docs" / page).read_text()
    return [example.replace(r"\e", "\\") for example in re.findall(
        r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", text, re.M | re.S)]


def records(page):
    return [line for example in literals(page)
            for line in example.splitlines() if line.startswith('{"kind":')]


def commands(page, program):
    """The shell's lines of an example in which the program is called."""
    [example] = [example for example in literals(page) if program in example]
    return re.sub(r"^[$>] ", "", example, flags=re.M)


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path)
    ctl.environment["PATH"] = f"{BUILD}:{ctl.environment['PATH']}"
    ctl.yes("init")
    return ctl


def shell(ctl, text):
    subprocess.run(["sh", "-euc", text], cwd=ctl.folder, env=ctl.environment,
                   check=True)


@pytest.fixture
def factory(ctl):
    """A CA, with its CRL, in files that the page names."""
    openssl(ctl.folder, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "factory-root.key",
            "-out", "factory-root.pem", "-days", "30", "-subj", "/CN=Factory")
    ctl.write("ca.conf", "[ca]\ndefault_ca=x\n[x]\ndatabase=index\n"
              "default_md=sha256\ndefault_crl_days=30\n")
    ctl.write("index", "")
    openssl(ctl.folder, "ca", "-config", "ca.conf", "-gencrl", "-cert",
            "factory-root.pem", "-keyfile", "factory-root.key", "-out",
            "factory-root.crl")


def test_records_are_taken(ctl, factory):
    """All of them in one registry: none contradicts another."""
    lines = records("trust-registry.5")
    assert ctl.yes("put", input="\n".join(lines)) == (
        f"put {len(lines)} records\n")
    shell(ctl, commands("trust-registry.5", "awk"))
    ctl.yes("put", "anchor.jsonl")
    ctl.yes("put", "crl.jsonl")
    shown = {json.loads(line)["kind"] for line in lines} | {"anchor", "crl"}
    assert shown == KINDS - {"gateway"}


def test_records_come_back(ctl):
    """The backup that is no database."""
    ctl.yes("put", input="\n".join(records("trust-registry.5")))
    backup = commands("trust-registry.5", "trustctl list")
    shell(ctl, backup)
    before = (ctl.folder / "records.jsonl").read_text()
    (ctl.folder / "registry.db").unlink()
    ctl.yes("init")
    ctl.yes("put", "records.jsonl")
    shell(ctl, backup)
    assert (ctl.folder / "records.jsonl").read_text() == before
    assert len(before.splitlines()) == len(records("trust-registry.5"))


def pasted(section):
    """The indented lines of a section of OPERATIONS.md."""
    text = (ROOT / "docs" / "OPERATIONS.md").read_text()
    _, found, rest = text.partition(f"### {section}\n")
    assert found, section
    return "\n".join(line[4:] for line in re.split(r"^#", rest, flags=re.M)[
        0].splitlines() if line.startswith("    "))


def test_operators_certificate(site):
    """The records, as pasted, reach what the commands need."""
    site.pki.certificate("ops-1")
    shutil.copy(site.pki.file("ops-1"), site.folder / "ops-1.pem")
    ctl = Trustctl(site.folder)
    ctl.environment["PATH"] = f"{BUILD}:{ctl.environment['PATH']}"
    shell(ctl, pasted("The operator's certificate").replace(
        "REGISTRY", str(site.registry.path)))
    broker = site.start()
    assert ctl.yes("status", "--host", "127.0.0.1", "--port", broker.port(),
                   "--cafile", site.pki.file("server-root"), "--cert",
                   site.pki.file("ops-1"), "--key",
                   site.pki.key_file("ops-1"))
    events = site.connect(broker, "ops-1", client_id="ops-1/events")
    assert events.subscribe("trust/v1/events") == 1
    assert events.subscribe("$SYS/#") == 1
    events.messages.clear()
    assert site.connect(broker, "ops-1").is_alive()
    events.wait(lambda: any(topic == "trust/v1/events"
                            for topic, *_ in events.messages), "an event")
