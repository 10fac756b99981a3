# SPDX-License-Identifier: Apache-2.0
"""What make install puts where, and that documents and messages point to what
is there then."""

import re
import subprocess

import pytest
from trustctl import BUILD, ROOT

DOC = "share/doc/mosquitto-trust"


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Installed, without building anew."""
    folder = tmp_path_factory.mktemp("install")
    subprocess.run(["make", "-C", ROOT, "-o", "all", "install", "DEPS=",
                    f"BUILD={BUILD}", f"DESTDIR={folder}", "PREFIX=/usr/local",
                    ], check=True, capture_output=True)
    return folder / "usr/local"


def test_all_is_there(prefix):
    assert (prefix / "bin/trustctl").stat().st_mode & 0o777 == 0o755
    assert (prefix / "lib/mosquitto_trust.so").is_file()
    for page in (ROOT / "docs").glob("*.[1-8]"):
        installed = prefix / f"share/man/man{page.suffix[1:]}" / page.name
        assert installed.read_text() == page.read_text()
    for text in (ROOT / "docs").glob("*.md"):
        assert (prefix / DOC / text.name).read_text() == text.read_text()


def test_example_names_the_plugin(prefix):
    lines = (prefix / DOC / "examples/gateway.conf").read_text().split("\n")
    assert "plugin /usr/local/lib/mosquitto_trust.so" in lines


def test_links_lead_somewhere(prefix):
    links = [(text, link) for text in (prefix / DOC).glob("*.md")
             for link in re.findall(r"\]\(([^)#]+)", text.read_text())
             if not link.startswith("http")]
    assert links
    for text, link in links:
        assert (text.parent / link).is_file(), (text, link)


def test_messages_name_what_is_there(prefix):
    """Messages of both programs, and manual pages."""
    named = set()
    for file in [*prefix.glob("bin/*"), *prefix.glob("lib/*"),
                 *prefix.glob("share/man/*/*")]:
        octets = file.read_bytes()
        assert not re.search(rb"[^/-]\bdocs/\w+\.md", octets), file
        named |= set(re.findall(rb"share/doc/[\w/.-]+\.\w+", octets))
    assert {path.decode() for path in named} == {
        f"{DOC}/OPERATIONS.md", f"{DOC}/DECISIONS.md"}
    for path in named:
        assert (prefix / path.decode()).is_file()
    for path in re.findall(r"`docker/([\w.-]+)` ?",
                           (prefix / DOC / "OPERATIONS.md").read_text()):
        assert (prefix / DOC / "examples" / path).is_file()
