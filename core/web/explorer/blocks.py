"""Blocks: the list, newest first and paged by height, and one block with recomputed values beside recorded ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from core.chain.records import BlockPage, BlockSummary
from core.web.explorer import prose
from core.web.explorer.transactions import lines_table
from core.web.explorer.view import View, go, link, nothing_yet
from core.web.format import short
from core.web.table import Cell, Column, Row, html_facts, html_table

TAB = "Blocks"
PAGE = 20
LINES = 100
"""Transactions of a block that are shown at once."""
STRIP = 16
"""Newest blocks of the strip above every tab."""
CHECKS = {
    "hash": "SHA-256 of (SHA-256 of the header, nonce); below 2^256 ÷ work",
    "prev": "the hash of the block before",
    "body": "SHA-256 over the transaction lines as they are in the file",
    "tx_root": "RFC 6962 Merkle root of the transactions",
    "log_root": "RFC 6962 Merkle root of the headers of all earlier blocks",
}


def draw_list(view: View, before: str) -> None:
    """A page of blocks; `before` is the height that the page ends below, "" for the newest."""
    blocks = view.chain.blocks(before_height=int(before) if before.isdecimal() else None, limit=PAGE)
    if view.chain.status().transactions == 0:
        nothing_yet(view)
    if not blocks:
        return
    st.html(blocks_table(blocks, view))
    newest, oldest = blocks[0].height, blocks[-1].height
    with st.container(horizontal=True):
        if before.isdecimal():
            go("Newest", tab=TAB)
            go("← Newer", tab=TAB, before=newest + PAGE + 1)
        if oldest > 0:
            go("Older →", tab=TAB, before=oldest)


def blocks_table(blocks: Sequence[BlockSummary], view: View) -> str:
    """One line a block."""
    columns = [
        Column("Block", "number", "Height: blocks before this one"),
        Column(f"Mined ({view.zone})"),
        Column("Transactions", "number"),
        Column("Size", "number", "Bytes of the block in the ledger file"),
        Column("Hash", "code", "SHA-256 of (SHA-256 of the header, nonce)"),
    ]
    rows: list[Row] = [
        [
            Cell(view.amounts.whole(block.height), href=link(block=block.height)),
            view.clock.column(block.time_ms),
            view.amounts.whole(block.transactions),
            view.amounts.size(block.bytes),
            Cell(short(block.hash), href=link(block=block.height), title=block.hash),
        ]
        for block in blocks
    ]
    return html_table(columns, rows, name="Blocks, newest first")


STRIP_STYLE = """<style>
.lab-strip{display:flex;gap:4px;align-items:flex-end;height:64px;overflow:hidden}
.lab-strip a{flex:1 1 0;min-width:14px;max-width:64px;display:flex;flex-direction:column;justify-content:flex-end;
height:100%;text-decoration:none;color:inherit;font-size:.7rem;text-align:center;line-height:1.3}
.lab-strip i{display:block;border-radius:3px 3px 0 0;background:#2f7de1}
.lab-strip a:hover i,.lab-strip a:focus-visible i{background:#1d4ed8}
.lab-strip .w i{background:none;border:1px dashed currentColor;border-bottom:0}
@media (max-width:640px){.lab-strip a:nth-child(n+10){display:none}}
</style>"""


def strip(newest: Sequence[BlockSummary], view: View, *, waiting: int) -> str:
    """The block that is being gathered and the newest blocks, as high as they hold transactions; each leads to it."""
    most = max(waiting, 1, *(block.transactions for block in newest))
    bars = [_bar("waiting", waiting, most, href=link(tab="Transactions"), kind=' class="w"', view=view)]
    bars += [
        _bar(str(block.height), block.transactions, most, href=link(block=block.height), kind="", view=view)
        for block in newest
    ]
    return f'{STRIP_STYLE}<nav class="lab-strip" aria-label="Newest blocks">{"".join(bars)}</nav>'


def _bar(label: str, count: int, most: int, *, href: str, kind: str, view: View) -> str:
    block = "Waiting for a block" if kind else f"Block {label}"
    said = f"{block}: {view.amounts.count(count, 'transaction')}"
    height = round(2 + 42 * count / most)
    bar = f'<i style="height:{height}px"></i>'
    return f'<a{kind} href="{escape(href)}" title="{said}" aria-label="{said}">{bar}{label}</a>'


def draw_one(view: View, subject: str, first: int) -> None:
    """The page of one block. Raises NotFoundError."""
    height = int(subject.replace(",", "")) if subject.replace(",", "").isdecimal() else -1
    page = view.chain.block(height, first=first, limit=LINES)
    block = page.summary
    st.subheader(f"Block {view.amounts.whole(block.height)}", anchor=False)
    with st.container(horizontal=True):
        if block.height > 0:
            go(f"← Block {view.amounts.whole(block.height - 1)}", block=block.height - 1)
        if block.height < view.chain.status().height:
            go(f"Block {view.amounts.whole(block.height + 1)} →", block=block.height + 1)
        go("All blocks", tab=TAB)
    st.code(block.hash, language=None)
    st.html(html_facts(_facts(page, view), name=f"Block {block.height}"))
    _draw_checks(page, view)
    _draw_lines(page, view)
    with st.expander("The header as it was hashed"):
        st.code(page.header, language="json", wrap_lines=True)


def _facts(page: BlockPage, view: View) -> list[prose.Fact]:
    block, whole = page.summary, view.amounts.whole
    return [
        ("Mined", view.clock.exact(block.time_ms)),
        ("Transactions", whole(block.transactions)),
        ("Size", f"{whole(block.bytes)} bytes, from byte {whole(block.offset)} of the ledger file"),
        ("Proof of work", f"{whole(block.work)} hashes expected; nonce {block.nonce}"),
    ]


def _draw_checks(page: BlockPage, view: View) -> None:
    st.markdown("**Recorded and recomputed**", help="Recomputed now from the bytes of the ledger file.")
    if all(page.checks.values()):
        st.badge("Every recomputed value equals the recorded one", icon=":material/check:", color="green")
    else:
        wrong = ", ".join(name for name, same in page.checks.items() if not same)
        st.error(
            f"Recomputed values differ from the recorded ones: {wrong}. The block begins at byte "
            f"{view.amounts.whole(page.summary.offset)}. Verify the ledger to see the first damaged byte.",
            icon=":material/gpp_bad:",
        )
    st.html(checks_table(page))


def checks_table(page: BlockPage) -> str:
    """Recorded value beside recomputed value."""
    recorded = {
        "hash": page.summary.hash,
        "prev": page.summary.prev,
        "body": page.body_hash,
        "tx_root": page.tx_root,
        "log_root": page.log_root,
    }
    columns = [
        Column("Value"),
        Column("Recorded", "code"),
        Column("Recomputed", "code"),
        Column(""),
        Column("What it is"),
    ]
    rows: list[Row] = []
    for name, what in CHECKS.items():
        ours, theirs = page.recomputed[name], recorded[name]
        leads = link(block=page.summary.height - 1) if name == "prev" and page.summary.height else ""
        rows.append(
            [
                name,
                Cell(short(theirs), href=leads, title=theirs),
                Cell(short(ours), title=ours),
                "✓ same" if page.checks[name] else "✗ differs",
                what,
            ]
        )
    return html_table(columns, rows, name="Recorded and recomputed values")


def _draw_lines(page: BlockPage, view: View) -> None:
    st.markdown("**Transactions**", help="In the order in which they were accepted.")
    st.html(lines_table(page.lines, view))
    _draw_pager(page, view)


def _draw_pager(page: BlockPage, view: View) -> None:
    total, last, whole = page.summary.transactions, page.first + len(page.lines), view.amounts.whole
    if total <= len(page.lines):
        return
    st.caption(f"Transactions {whole(page.first)} to {whole(last - 1)} of {whole(total)}.")
    height = page.summary.height
    with st.container(horizontal=True):
        if page.first > 0:
            go("← Earlier", block=height, first=max(0, page.first - LINES))
        if last < total:
            go("Later →", block=height, first=last)
