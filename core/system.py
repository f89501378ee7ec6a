"""What differs between operating systems, in one place: locks on files, durable writes, process trees, limits."""

from __future__ import annotations

DESCRIPTORS = 65_536
"""As many as are asked for."""
UNKNOWN_LIMIT = 8_192
"""Where the system has no such limit to ask for, as on Windows."""


def raise_descriptor_limit() -> int:
    """Let this process open as many files and connections as the system allows it; how many those are."""
    try:
        import resource
    except ImportError:
        return UNKNOWN_LIMIT
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
