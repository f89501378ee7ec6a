"""A worker that works as the real one does unless the first scenario's name asks for something else."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.errors import MarketError
from core.runs import worker


def perform(task, send) -> None:
    name = task["plan"]["scenarios"][0]["name"] if "plan" in task else ""
    behaviour, _, argument = name.partition(" ")
    if behaviour in ("segfault", "spin", "stuck", "raise", "refuse", "exit", "leave", "forget", "babble", "child"):
        send("planned", {"algorithm_ids": ["grid_only", "mid_market_rate"], "kept": [False, False], "cells": 1})
        worker.limit(task["limit_s"] + 5.0)
        send("begun", {"name": "Grid only", "scenario": behaviour})
    match behaviour:
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "spin":
            while True:
                pass
        case "stuck":  # holds the interpreter, so that not even the thread on standard input gets a turn
            worker.limit(2.0)
            ctypes.PyDLL(None).sleep(1_000)
        case "raise":
            raise ValueError("an algorithm's own mistake")
        case "refuse":
            raise MarketError("Slot 3: more is sold than there is.", fix="Sell less.")
        case "exit":
            os._exit(3)
        case "leave":
            sys.exit(4)
        case "forget":
            return
        case "babble":
            os.write(3, b"this is no message\n")
            time.sleep(1_000)
        case "child":
            print("algorithms may print", flush=True)
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
            send("begun", {"name": "Parent", "scenario": behaviour})
            time.sleep(1_000)
        case "gate":  # wait until a file is there
            while not Path(argument).exists():
                time.sleep(0.005)
            worker.perform(task, send)
        case _:
            worker.perform(task, send)


if __name__ == "__main__":
    worker.NICENESS = 0  # tests that run beside this one must not starve it
    os._exit(worker.main(perform, warm=lambda: None))
