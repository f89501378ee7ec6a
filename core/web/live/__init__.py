"""The live page: one immutable screen built for everybody, and its parts."""

from core.web.live.screen import TICK_S, LiveScreen, screen

__all__ = ["TICK_S", "LiveScreen", "screen"]
