# SPDX-License-Identifier: Apache-2.0
"""trustctl est as a gateway has it: what is the same whatever the server."""

import pytest
from est_server import make_ca
from trustctl import Trustctl


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Keys take their time, and are the same for all."""
    return make_ca(tmp_path_factory.mktemp("made"))


@pytest.fixture
def ctl(tmp_path):
    ctl = Trustctl(tmp_path, registry=None)
    for name in list(ctl.environment):
        if name.lower().endswith("_proxy"):
            del ctl.environment[name]
    return ctl


def arguments(est, operation, *more):
    return ("est", operation, "--server", est.url, "-o", "gw", *more)
