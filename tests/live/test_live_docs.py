"""The page about the live market says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from core.live import feed, link, meters, payload, sessions
from core.live.payload import CODES, read_meter, read_trade
from core.settings import Settings
from core.store import quarantine

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "live.md").read_text(encoding="utf-8")


def test_every_reason_for_the_quarantine_is_in_its_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|$", PAGE.split("## Quarantine")[1].split("\n## ")[0], re.MULTILINE)
    assert dict(rows) == CODES


def test_the_examples_are_what_they_claim_to_be() -> None:
    trade, reading = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)
    assert read_trade(trade.encode()).message_id == "roof7-000041"
    assert set(json.loads(trade)) | {"simulated"} == set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.+?) \| (?:yes|no)", PAGE, re.MULTILINE)))
    )
    assert read_meter("HH001", reading.encode()).load_kw == 0.42
    shell = re.search(r"-m '(.+?)'", PAGE)
    assert shell is not None
    assert read_trade(shell.group(1).encode()).energy_wh == 3500


@pytest.mark.parametrize(
    "words",
    [
        f"at most {payload.MAX_QTY_KWH:,}",
        f"0 to {payload.MAX_PRICE:,}",
        f"0 to {payload.MAX_KW:,} kW",
        f"Up to {payload.MAX_FIELDS} fields",
        f"the first {quarantine.MAX_PAYLOAD:,} bytes",
        f"{quarantine.MAX_ROWS:,} rows",
        f"after {feed.Patience().first_s} s",
        f"{feed.Patience().longest_s:.0f} s, each shortened",
        f"silent for {feed.Patience().silence_s:.0f} s",
        f"within {link.ANSWER_S:.0f} s it connects anew",
        f"keep more than {sessions.MAX_QUEUED:,} messages",
        f"{Settings().meter_slot_s / 60:.0f} minutes",
        Settings().mqtt_topic,
        Settings().mqtt_meters_topic,
    ],
)
def test_every_number_on_the_page_is_the_codes(words: str) -> None:
    assert words in PAGE


def test_words_for_spans_are_the_codes() -> None:
    assert (meters.GRACE_S, "Two seconds after") == (2.0, "Two seconds after")
    assert (meters.KNOWN_S, meters.AHEAD_S) == (24 * 3600, 5 * 60)
    assert "last\n24 hours" in PAGE
    assert "five minutes ahead" in PAGE
