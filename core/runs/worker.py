"""`python -m core.runs.worker`: takes one task on standard input, works on it alone, and ends.

JSON lines. In: one task. Out: `ready` once everything is imported, then what happens, then `done` or `failed`. It ends
when its standard input does, even in the middle of an algorithm; an algorithm that holds the interpreter itself is
ended by an alarm, whose default action needs nobody's help.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from core.errors import LabError

NICENESS = 10
Send = Callable[[str, Mapping[str, object]], None]
Perform = Callable[[Mapping[str, Any], Send], None]


def main(perform: Perform, *, warm: Callable[[], None]) -> int:
    """Warm up, perform the one task that comes, and report how it ended."""
    send = _sender(_take_stdout())
    tasks: queue.Queue[Mapping[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(tasks,), name="stdin", daemon=True).start()
    _be_modest()
    warm()
    send("ready", {})
    task = tasks.get()
    try:
        perform(task, send)
    except LabError as error:
        send("failed", {"message": error.message, "fix": error.fix, "code": error.code, "trace": ""})
    except (Exception, SystemExit) as error:
        message = f"{type(error).__name__}: {error}"
        send("failed", {"message": message, "fix": "", "code": "crash", "trace": traceback.format_exc()})
    return 0


def limit(seconds: float) -> None:
    """End this process unless it gets further within `seconds`; 0 takes the limit away."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _listen(tasks: queue.Queue[Mapping[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(json.loads(line))
    os._exit(0)  # the lab has gone; nobody is left to hear a result


def _take_stdout() -> IO[bytes]:
    """Standard output is for messages alone: what an algorithm prints goes to standard error."""
    messages = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return messages


def _sender(messages: IO[bytes]) -> Send:
    def send(event: str, fields: Mapping[str, object]) -> None:
        messages.write(json.dumps({"event": event, **fields}).encode() + b"\n")

    return send


def _be_modest() -> None:
    """Pages come first for the processor, and this process goes first when memory runs out."""
    os.nice(NICENESS)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


if __name__ == "__main__":
    from core.runs.tasks import perform, warm

    os._exit(main(perform, warm=warm))  # no farewell to the thread that still waits on standard input
