"""One transaction: what it says, its line byte for byte, its path to the block and the log, its receipt."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import plotly.graph_objects as graph
import streamlit as st

from core.chain.records import Step, TransactionPage
from core.errors import LabError, NotFoundError
from core.ledger import canonical, merkle, receipt
from core.store.pool import PendingRow
from core.web.charts import ACCENT, MUTED, figure
from core.web.escape import markdown
from core.web.explorer import prose, search
from core.web.explorer.view import View, go
from core.web.format import ago
from core.web.table import html_facts

WHOLE_HASH = re.compile(r"[0-9a-f]{64}")
LONGEST = 400


def draw(view: View, subject: str) -> None:
    """The page of a transaction, mined or pending; the beginning of a hash is searched for."""
    tx_hash = subject.lower()
    if not WHOLE_HASH.fullmatch(tx_hash):
        search.draw(view, subject)
        return
    try:
        page = view.chain.transaction(tx_hash)
    except NotFoundError:
        waiting = view.chain.pool.find(tx_hash)
        if not waiting:
            raise
        _draw_pending(view, waiting[0])
        return
    _draw_mined(view, page)


def _draw_pending(view: View, row: PendingRow) -> None:
    st.subheader("Transaction", anchor=False)
    st.badge("Pending", icon=":material/hourglass_top:", color="orange")
    waited = ago(time.time() - row.submitted_at_ms / 1000)
    st.markdown(
        f"Accepted {waited} and stored durably; it is in a block within {view.block_interval_s:g} s, "
        "unless very much is waiting."
    )
    st.code(row.tx_hash, language=None)
    document = canonical.decode(row.body)
    st.html(html_facts(prose.facts(document, view.amounts, clock=view.clock), name="What it says"))
    _draw_line(view, row.body, title="The line as it will be in the file")


def _draw_mined(view: View, page: TransactionPage) -> None:
    line, block = page.line, page.block
    st.subheader("Transaction", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge("Mined", icon=":material/check:", color="green")
        go(f"Block {view.amounts.whole(block.height)}", block=block.height)
        go("All blocks", tab="Blocks")
    st.code(line.tx_hash, language=None)
    st.markdown(f"**{markdown(prose.sentence(line.document, view.amounts), limit=LONGEST)}**")
    facts = prose.facts(line.document, view.amounts, clock=view.clock)
    st.html(html_facts([*facts, ("Place", _place(view, page)), ("Mined", _mined(view, page))], name="What it says"))
    _draw_checks(page)
    _draw_line(view, line.body, title="The line as it is in the ledger file", offset=line.offset)
    _draw_proof(view, page)


def _place(view: View, page: TransactionPage) -> str:
    whole, block = view.amounts.whole, page.block
    return f"number {whole(page.line.index)} of {whole(block.transactions)} in block {whole(block.height)}"


def _mined(view: View, page: TransactionPage) -> str:
    """When, and how long after it was received."""
    received = prose.happened_at_ms(page.line.document)
    at = view.clock.exact(page.block.time_ms)
    if received is None:
        return at
    return f"{at}, {view.amounts.seconds(page.block.time_ms - received)} after it was received"


def _draw_checks(page: TransactionPage) -> None:
    wrong = [name for name, holds in page.checks.items() if not holds]
    if wrong:
        st.error(
            f"Recomputed from the file and not as recorded: {markdown(', '.join(wrong))}.", icon=":material/gpp_bad:"
        )
    else:
        st.badge("Hash, path and block recomputed: all hold", icon=":material/verified_user:", color="green")


def _draw_line(view: View, body: bytes, *, title: str, offset: int | None = None) -> None:
    st.markdown(f"**{title}**", help="Canonical JSON: sorted keys, no spaces, integers only. These bytes are hashed.")
    st.code(body.decode(), language="json", wrap_lines=True)
    if offset is None:
        return
    whole = view.amounts.whole
    st.caption(f"{whole(len(body))} bytes from byte {whole(offset)}. Recompute its hash without this app:")
    st.code(recompute(offset, len(body)), language="bash", wrap_lines=True)


def recompute(offset: int, length: int) -> str:
    """A shell command that prints the hash of the transaction whose line is at this place of the file."""
    return f"(printf '\\0'; tail -c +{offset + 1} ledger.json | head -c {length}) | sha256sum"


def _draw_proof(view: View, page: TransactionPage) -> None:
    st.markdown(
        "**Proof**",
        help="The grey hashes are supplied, the blue ones recomputed: node = SHA-256(0x01, left, right), RFC 6962.",
    )
    try:
        made = view.chain.receipt(page.line.tx_hash)
    except LabError as error:
        made = None
        st.caption(f"There is no receipt: {markdown(error, limit=LONGEST)}")
    left, right = st.columns(2)
    with left:
        st.caption(f"From the transaction to the root of block {view.amounts.whole(page.block.height)}")
        drawn = ladder(page.line.tx_hash, page.steps, leaf_name="this transaction", root_name="tx_root of the block")
        view.show(drawn, key="tx_path", alt=_alt(len(page.steps), "the block's root"))
    if made is None:
        return
    header = view.chain.block(page.block.height, limit=0).header
    leaf, steps = log_steps(made, header)
    with right:
        st.caption("From the block's header to the root that the checkpoint signs")
        drawn = ladder(leaf, steps, leaf_name="header of the block", root_name="root of the log up to this block")
        view.show(drawn, key="log_path", alt=_alt(len(steps), "the log's root"))
    st.download_button(
        "Download the receipt",
        partial(receipt.encode, made),
        file_name=f"receipt-{page.line.tx_hash[:16]}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        help="With it anybody can check this transaction offline: python tools/verify_receipt.py receipt.json",
    )


def _alt(steps: int, root: str) -> str:
    return f"Merkle path of {steps} step{'s' if steps != 1 else ''} to {root}"


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


def ladder(leaf: str, steps: Sequence[Step], *, leaf_name: str, root_name: str) -> Any:
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
    return graph.Scatter(x=x, y=y, mode="lines", line={"color": MUTED, "width": 1}, hoverinfo="skip", showlegend=False)


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
    return graph.Scatter(
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
