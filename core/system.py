"""What differs between operating systems, in one place: locks, durable writes, process trees, limits.

Two halves: POSIX, whose promises the rest of the lab states, and Windows, with what comes nearest. A lock holds as long
as the descriptor is open and ends with the process, however that ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

DESCRIPTORS = 65_536
"""As many as are asked for."""

if sys.platform == "win32":
    import msvcrt

    OPEN = os.O_BINARY | os.O_NOINHERIT
    """Added to every `os.open`: bytes as they are, and no child process inherits it."""
    HAS_MODES = False
    """Whether the bits of a mode say who may read a file."""
    ALARM_STATUS = 113
    """Exit status of a process that its alarm ended."""
    _FAR = 0x7FFF0000  # Windows keeps others from reading locked bytes: this one is beyond those of any file of ours
    _seeking = threading.Lock()  # one position a descriptor: owns the moves of all
    _alarms: list[threading.Timer] = []

    def lock(file: int) -> None:
        """Lock an open file for this process alone. Raises OSError at once if another holds it."""
        with _seeking:
            os.lseek(file, _FAR, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)

    def pread(file: int, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`."""
        with _seeking:
            os.lseek(file, offset, os.SEEK_SET)
            return os.read(file, length)

    def pwrite(file: int, content: bytes | memoryview, offset: int) -> int:
        """Write at `offset`; how many bytes were written."""
        with _seeking:
            os.lseek(file, offset, os.SEEK_SET)
            return os.write(file, content)

    def sync(path: Path) -> None:
        """Return when a file's content is on the disk. Windows has no such call for the names in a folder."""
        if path.is_dir():
            return
        with path.open("r+b") as file:
            os.fsync(file.fileno())

    def apart() -> dict[str, Any]:
        """Options of `Popen` for a child that Ctrl-C in our terminal does not reach."""
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}

    def kill_tree(pid: int) -> None:
        """End a process started `apart` and everything it started that can be found."""
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(pid)
            for child in [*parent.children(recursive=True), parent]:
                with suppress(psutil.NoSuchProcess):
                    child.kill()

    def alarm(seconds: float) -> None:
        """End this process in `seconds` unless it is called again; 0 takes the alarm away."""
        while _alarms:
            _alarms.pop().cancel()
        if seconds:
            timer = threading.Timer(seconds, os._exit, [ALARM_STATUS])
            timer.daemon = True
            timer.start()
            _alarms.append(timer)

    def step_back(niceness: int) -> None:
        """Let other processes come first for the processor."""
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if niceness else psutil.NORMAL_PRIORITY_CLASS)

    def raise_descriptor_limit() -> int:
        """How many connections this process may have; Windows has no limit to raise."""
        return 8_192

else:
    import fcntl
    import resource
    import signal

    OPEN = os.O_CLOEXEC
    HAS_MODES = True
    ALARM_STATUS = -int(signal.SIGALRM)

    def lock(file: int) -> None:
        """Lock an open file for this process alone. Raises OSError at once if another holds it."""
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def pread(file: int, length: int, offset: int) -> bytes:
        """Up to `length` bytes from `offset`."""
        return os.pread(file, length, offset)

    def pwrite(file: int, content: bytes | memoryview, offset: int) -> int:
        """Write at `offset`; how many bytes were written."""
        return os.pwrite(file, content, offset)

    def sync(path: Path) -> None:
        """Return when a file's content, or the names in a folder, are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | OPEN)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def apart() -> dict[str, Any]:
        """Options of `Popen` for a child that Ctrl-C in our terminal does not reach."""
        return {"start_new_session": True}

    def kill_tree(pid: int) -> None:
        """End a process started `apart` and everything it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def alarm(seconds: float) -> None:
        """End this process in `seconds` unless it is called again, whatever it is at; 0 takes the alarm away."""
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def step_back(niceness: int) -> None:
        """Let other processes come first for the processor."""
        os.nice(niceness)

    def raise_descriptor_limit() -> int:
        """Let this process open as many files and connections as the system allows it; how many those are."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
