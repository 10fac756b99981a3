# SPDX-License-Identifier: Apache-2.0
"""The short form of `make soak`: what holds on any machine, busy or not."""

import os
import subprocess
import sys

from broker import BUILD, PATIENCE, ROOT


def test_soak(tmp_path):
    """Sensors publish, come and go, the registry changes and throws some out,
    and strangers flood the gateway: nothing of the good ones is lost, none of
    them is disconnected, each stranger is refused and counted."""
    result = subprocess.run(
        ["nice", "-n", "1", sys.executable, "-B", ROOT / "bench/soak.py"],
        env=dict(os.environ, BUILD=str(BUILD), BENCH_WORK=str(tmp_path / "w"),
                 MINUTES="0.2", SOAK_SENSORS="100", SOAK_RATE="100",
                 SOAK_JUDGE="0"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60 * PATIENCE)
    assert result.returncode == 0, result.stdout
    assert "every bound is kept" in result.stdout
