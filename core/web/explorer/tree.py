"""A Merkle path as a ladder: from a leaf at the bottom to the root at the top, one sibling a step (RFC 6962)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import plotly.graph_objects as go

from core.web.charts import ACCENT, MUTED, figure
from core.web.explorer.amounts import short

STEP_PX = 54
"""Height of one step of the drawing."""


@dataclass(frozen=True, slots=True)
class Step:
    """One hash of the proof: the sibling, the side it stands on, and the parent that both make."""

    sibling: bytes
    side: Literal["left", "right"]
    parent: bytes


def climb(leaf: bytes, path: Sequence[bytes], *, index: int, size: int) -> list[Step]:
    """Recompute every node from the leaf upward; the last parent is the root that the proof leads to.

    RFC 9162 section 2.1.3.2: a node whose index is odd, or that is the last one, has its sibling on the left.
    """
    steps: list[Step] = []
    node, last = leaf, size - 1
    for sibling in path:
        on_the_left = bool(index & 1) or index == last
        parent = sha256(b"\x01" + (sibling + node if on_the_left else node + sibling)).digest()
        steps.append(Step(sibling, "left" if on_the_left else "right", parent))
        if on_the_left:
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        node, index, last = parent, index >> 1, last >> 1
    return steps


def draw(leaf: bytes, steps: Sequence[Step], *, leaf_name: str, root_name: str) -> Any:
    """The ladder: what is recomputed in the accent colour, the siblings that the proof supplies in grey."""
    own = [leaf, *(step.parent for step in steps)]
    names = [leaf_name, *("node" for _ in steps[:-1]), *([root_name] if steps else [])]
    sides = [-1 if step.side == "left" else 1 for step in steps]
    drawn = figure(
        [
            _edges(sides),
            _nodes([0] * len(own), [*range(len(own))], own, names=names, name="recomputed", colour=ACCENT),
            _nodes(
                sides,
                [*range(len(steps))],
                [step.sibling for step in steps],
                names=["sibling, from the proof"] * len(steps),
                name="from the proof",
                colour=MUTED,
            ),
        ],
        height=STEP_PX * (len(own) + 1),
    )
    drawn.update_layout(hovermode="closest", dragmode=False)
    drawn.update_xaxes(visible=False, range=[-1.7, 1.7], fixedrange=True)
    drawn.update_yaxes(visible=False, range=[-0.7, len(own) - 0.5], fixedrange=True)
    return drawn


def _edges(sides: Sequence[int]) -> Any:
    """A line from each pair of children to its parent; None lifts the pen."""
    x: list[int | None] = []
    y: list[int | None] = []
    for level, side in enumerate(sides):
        x += [0, 0, None, side, 0, None]
        y += [level, level + 1, None, level, level + 1, None]
    return go.Scatter(x=x, y=y, mode="lines", line={"color": MUTED, "width": 1}, hoverinfo="skip", showlegend=False)


def _nodes(
    x: Sequence[int],
    y: Sequence[int],
    digests: Sequence[bytes],
    *,
    names: Sequence[str],
    name: str,
    colour: str,
) -> Any:
    return go.Scatter(
        x=x,
        y=y,
        mode="markers+text",
        name=name,
        text=[short(digest.hex()) for digest in digests],
        customdata=[[label, digest.hex()] for label, digest in zip(names, digests, strict=True)],
        textposition="bottom center",
        textfont={"size": 11, "family": "monospace"},
        marker={"color": colour, "size": 11, "symbol": "square"},
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )
