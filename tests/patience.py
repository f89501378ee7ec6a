"""How long tests wait."""

PATIENCE_S = 120.0
"""For what must happen at last: a slow machine makes a test slow, not red."""
