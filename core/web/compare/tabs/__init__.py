"""The sides from which a result can be looked at, one module each."""

from core.web.compare.tabs.tab import TABS, Tab

__all__ = ["TABS", "Tab"]
