"""The REST interface, described by itself at /api/docs."""

from core.web.api.app import PATHS, build

__all__ = ["PATHS", "build"]
