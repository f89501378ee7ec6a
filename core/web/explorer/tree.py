"""A Merkle path as a ladder: from a leaf at the bottom to the root at the top, one sibling a step."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from core.chain.records import Step
from core.ledger import merkle
from core.web.charts import ACCENT, MUTED, figure

STEP_PX = 46
"""Height of one step of the drawing."""
HASH_BYTES = 32
SHOWN = 8
"""Digits of a hash beside its square; hovering shows all."""


def log_steps(receipt: Mapping[str, Any], header: str) -> tuple[str, list[Step]]:
    """The block's header as a leaf of the log, and its way up to the root that the checkpoint signs.

    The receipt's log path is the frontier before the block, smallest subtree first: each stands on the left.
    """
    joined = base64.b64decode(receipt["log_path"])
    leaf = merkle.leaf(header.encode())
    steps, node = [], leaf
    for place in range(0, len(joined), HASH_BYTES):
        sibling = joined[place : place + HASH_BYTES]
        node = merkle.node(sibling, node)
        steps.append(Step(sibling.hex(), True, node.hex()))
    return leaf.hex(), steps


def draw(leaf: str, steps: Sequence[Step], *, leaf_name: str, root_name: str) -> Any:
    """The ladder: what is recomputed in the accent colour, the siblings that the proof supplies in grey."""
    own = [leaf, *(step.parent for step in steps)]
    names = [leaf_name, *("node" for _ in steps[:-1]), *([root_name] if steps else [])]
    sides = [-1 if step.sibling_is_left else 1 for step in steps]
    away = [-side for side in [*sides, *sides[-1:]]] or [1]  # from the sibling of the same height
    heights = [*range(len(own))]
    drawn = figure(
        [
            _edges(sides),
            _nodes([0] * len(own), heights, own, names=names, beside=away, name="recomputed", colour=ACCENT),
            _nodes(
                sides,
                heights[: len(steps)],
                [step.sibling for step in steps],
                names=["sibling, from the proof"] * len(steps),
                beside=sides,
                name="from the proof",
                colour=MUTED,
            ),
        ],
        height=STEP_PX * (len(own) + 1),
    )
    drawn.update_layout(hovermode="closest", dragmode=False)
    drawn.update_xaxes(visible=False, range=[-2.1, 2.1], fixedrange=True)
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
    digests: Sequence[str],
    *,
    names: Sequence[str],
    beside: Sequence[int],
    name: str,
    colour: str,
) -> Any:
    """Hashes as squares; beside: on which side of each its digits stand, -1 left or 1 right."""
    return go.Scatter(
        x=x,
        y=y,
        mode="markers+text",
        name=name,
        text=[f" {digest[:SHOWN]}… " for digest in digests],
        customdata=[list(pair) for pair in zip(names, digests, strict=True)],
        textposition=["middle left" if side < 0 else "middle right" for side in beside],
        textfont={"size": 11, "family": "monospace"},
        marker={"color": colour, "size": 11, "symbol": "square"},
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    )
