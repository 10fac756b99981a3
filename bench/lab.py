# SPDX-License-Identifier: Apache-2.0
"""Where things are, how much is measured, and in which order."""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys

BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
WORK = pathlib.Path(os.environ.get("BENCH_WORK")
                    or BUILD / "bench" / "work").resolve()
TRUSTCTL = BUILD / "trustctl"

QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
# Many short rounds scatter less than few long ones: what else runs on the
# machine then hits all peers alike. FEW is for rounds that start brokers.
FEW, MANY = (3, 10) if QUICK else (11, 40)
PATIENCE_S = 60

# Broker and load on a core each, where there are two.
CORES = sorted(os.sched_getaffinity(0))
BROKER_CORES, LOAD_CORES = set(CORES[:1]), set(CORES[1:] or CORES)


def prepare(cores):
    """Keep to these cores, and before others there: who runs in between
    leaves cold caches. Only root may go before others, and who was started
    with nice(1) wants to stay behind them."""
    os.sched_setaffinity(0, cores)
    if os.geteuid() == 0 and os.getpriority(os.PRIO_PROCESS, 0) <= 0:
        os.setpriority(os.PRIO_PROCESS, 0, -20)


def pinned(arguments, cores, **more):
    """Start a program on some of the cores. Ctrl-C is not for it: who started
    it ends it."""
    return subprocess.Popen([*map(str, arguments)], start_new_session=True,
                            preexec_fn=lambda: prepare(cores), **more)


def trustctl(*arguments, stdin=None):
    """Run trustctl, which has to succeed; what it says."""
    result = subprocess.run([TRUSTCTL, *map(str, arguments)], input=stdin,
                            text=True, capture_output=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"trustctl {' '.join(map(str, arguments))}: "
                           f"{result.stdout}{result.stderr}")
    return result.stdout


def show(text):
    """Progress, on a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:.78}\033[K", end="", file=sys.stderr, flush=True)


def alternate(measures, rounds):
    """Call all measures in turn, after one round that does not count: {name: a
    value for each round}. The order is drawn anew for each round: in a fixed
    one, also back and forth, each would always have the same neighbours, and
    find in the caches what those leave."""
    samples = {name: [] for name in measures}
    orders = random.Random(1)
    for number in range(-1, rounds):
        show(f"round {number + 1} of {rounds}: {', '.join(measures)}")
        for name in orders.sample(list(measures), len(measures)):
            value = measures[name]()
            if number >= 0:
                samples[name].append(value)
    show("")
    return samples


def carry_out(name, main):
    """Nothing runs on and no gigabyte is left, however it ends: brokers and
    clients end as their blocks are left, also by SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{name}: terminated"))
    try:
        main()
    except (RuntimeError, OSError) as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted")
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
