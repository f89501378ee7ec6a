"""Makes `core` see what it would on Windows: no fcntl, no resource, none of POSIX's own names of os and signal.

Python imports this at start when its folder is on PYTHONPATH, in child processes too. Only imports made by `core`, the
pages and the start script are changed: the standard library goes on as it is.
"""

import builtins
import os
import signal
import sys
import types

GONE = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "posix"}
POSIX_OS = [
    "chown",
    "chroot",
    "fchmod",
    "fchown",
    "fdatasync",
    "fork",
    "forkpty",
    "getegid",
    "geteuid",
    "getgid",
    "getgroups",
    "getloadavg",
    "getpgid",
    "getpgrp",
    "getpriority",
    "getsid",
    "getuid",
    "initgroups",
    "kill_group",
    "killpg",
    "lchown",
    "lockf",
    "major",
    "minor",
    "mkfifo",
    "mknod",
    "nice",
    "openpty",
    "pipe2",
    "posix_fadvise",
    "posix_fallocate",
    "posix_spawn",
    "pread",
    "preadv",
    "pwrite",
    "pwritev",
    "register_at_fork",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_yield",
    "sendfile",
    "set_blocking",
    "setegid",
    "seteuid",
    "setgid",
    "setgroups",
    "setpgid",
    "setpriority",
    "setsid",
    "setuid",
    "statvfs",
    "fstatvfs",
    "sync",
    "sysconf",
    "tcgetpgrp",
    "ttyname",
    "uname",
    "wait",
    "wait3",
    "wait4",
    "waitid",
    "WIFEXITED",
    "WEXITSTATUS",
    "WNOHANG",
    "O_ASYNC",
    "O_CLOEXEC",
    "O_DIRECT",
    "O_DIRECTORY",
    "O_DSYNC",
    "O_NDELAY",
    "O_NOATIME",
    "O_NOCTTY",
    "O_NOFOLLOW",
    "O_NONBLOCK",
    "O_PATH",
    "O_SYNC",
]
POSIX_SIGNAL = [
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCONT",
    "SIGHUP",
    "SIGIO",
    "SIGKILL",
    "SIGPIPE",
    "SIGPROF",
    "SIGQUIT",
    "SIGSTOP",
    "SIGSYS",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
    "ITIMER_REAL",
    "ITIMER_VIRTUAL",
    "ITIMER_PROF",
    "alarm",
    "getitimer",
    "pause",
    "pthread_kill",
    "pthread_sigmask",
    "setitimer",
    "siginterrupt",
    "sigpending",
    "sigtimedwait",
    "sigwait",
    "sigwaitinfo",
]


class Without(types.ModuleType):
    """A module without some of its names, and with some of another kind."""

    def __init__(self, real: types.ModuleType, gone: list[str], **instead: object) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(instead)
        self.__dict__["_real"], self.__dict__["_gone"] = real, frozenset(gone)

    def __getattr__(self, name: str) -> object:
        if name in self._gone:
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}' on Windows")
        return getattr(self._real, name)


def _open(path: object, flags: int, mode: int = 0o777) -> int:
    if os.path.isdir(path):  # type: ignore[arg-type]
        raise PermissionError(13, "Permission denied", str(path))
    return os.open(path, flags, mode)  # type: ignore[arg-type]


def _fsync(file: int) -> None:
    import fcntl

    if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(9, "Bad file descriptor")
    os.fsync(file)


def _locking(file: int, mode: int, count: int) -> None:
    import fcntl

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


WINDOWS = {
    "os": Without(os, POSIX_OS, O_BINARY=0, O_NOINHERIT=os.O_CLOEXEC, open=_open, fsync=_fsync),
    "signal": Without(signal, POSIX_SIGNAL),
    "sys": Without(sys, [], platform="win32"),
    "msvcrt": types.ModuleType("msvcrt"),
}
WINDOWS["msvcrt"].locking, WINDOWS["msvcrt"].LK_NBLCK = _locking, 2  # type: ignore[attr-defined]
_import = builtins.__import__


def _is_ours(importer: dict[str, object] | None) -> bool:
    found = importer or {}
    name = getattr(found.get("__spec__"), "name", None) or str(found.get("__name__", ""))
    file = str(found.get("__file__", ""))
    return name.split(".")[0] in ("core", "streamlit_app") or ("/pages/" in file and "site-packages" not in file)


def _import_here(name, globals=None, locals=None, fromlist=(), level=0):  # type: ignore[no-untyped-def]
    if level == 0 and _is_ours(globals):
        if name in GONE:
            raise ImportError(f"No module named '{name}' on Windows", name=name)
        if name in WINDOWS:
            return WINDOWS[name]
        if name == "psutil":
            found = _import(name, globals, locals, fromlist, level)
            found.BELOW_NORMAL_PRIORITY_CLASS, found.NORMAL_PRIORITY_CLASS = 10, 0
            return found
    return _import(name, globals, locals, fromlist, level)


builtins.__import__ = _import_here
