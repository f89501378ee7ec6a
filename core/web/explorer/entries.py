"""Transactions as lines of a table: what, how much, for how much, and links to everything they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.chain.records import Entry, Line
from core.web.explorer import prose
from core.web.explorer.address import link
from core.web.explorer.amounts import short
from core.web.explorer.lens import Lens
from core.web.table import Cell, Column, Row, html_table


def lines_table(lines: Iterable[Line], lens: Lens) -> str:
    """Transactions of one block, by their place in it."""
    place = Column("#", "number", "Place in the block")
    rows: list[Row] = [[lens.amounts.whole(line.index), *_cells(line.tx_hash, line.document, lens)] for line in lines]
    return html_table([place, *_columns(lens)], rows, name="Transactions of the block")


def entries_table(entries: Sequence[Entry], lens: Lens) -> str:
    """Transactions of the chain, by their block."""
    place = Column("Block", "number")
    rows: list[Row] = [
        [block_cell(entry.height, lens), *_cells(entry.tx_hash, entry.document, lens)] for entry in entries
    ]
    return html_table([place, *_columns(lens)], rows, name="Transactions, newest first")


def block_cell(height: int, lens: Lens) -> Cell:
    """A block's height, leading to its page."""
    return Cell(lens.amounts.whole(height), href=link(block=height))


def hash_cell(tx_hash: str) -> Cell:
    """A transaction's hash, shortened, leading to its page."""
    return Cell(short(tx_hash), href=link(tx=tx_hash), title=tx_hash)


def _columns(lens: Lens) -> list[Column]:
    return [
        Column("Transaction", "code", "SHA-256 of (0x00, the line): also its Merkle leaf"),
        Column(f"Received ({lens.zone})"),
        Column("Kind"),
        Column("Seller"),
        Column("Buyer"),
        Column("kWh", "number", "Energy of a trade"),
        Column(f"{lens.currency}/kWh", "number", "Price of a trade"),
        Column(lens.currency, "number", "Energy times price, rounded half to even to millionths"),
        Column("What"),
    ]


def _cells(tx_hash: str, document: Mapping[str, Any], lens: Lens) -> Row:
    at_ms = prose.happened_at_ms(document)
    received = lens.clock.column(at_ms) if at_ms is not None else ""
    common: list[Cell | str] = [hash_cell(tx_hash), received, str(document.get("kind"))]
    if document.get("kind") == "trade":
        return [
            *common,
            prose.household(document["seller"]),
            prose.household(document["buyer"]),
            lens.amounts.kwh_column(document["energy_wh"]),
            lens.amounts.money_column(document["price_micro_per_kwh"]),
            lens.amounts.money_column(document["amount_micro"]),
            "simulated" if document.get("simulated") else "",
        ]
    return [*common, "", "", "", "", "", prose.sentence(document, lens.amounts)]
