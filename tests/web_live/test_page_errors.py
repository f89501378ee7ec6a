"""A page that fails says so in words; the trace is in the log under the id that was shown."""

from __future__ import annotations

import logging
import re

import pytest
from streamlit.testing.v1 import AppTest


def lab_error() -> None:
    from core.errors import NotFoundError
    from core.web.errors import explain

    explain(NotFoundError("No block [7](http://x).", fix="Ask for one of 0 to 3."))


def crash() -> None:
    from core.web.errors import explain

    try:
        raise ZeroDivisionError("secret detail")
    except ZeroDivisionError as error:
        explain(error)


def test_an_error_of_the_lab_is_shown_as_its_sentence_with_foreign_text_escaped() -> None:
    shown = AppTest.from_function(lab_error).run().error[0].value
    assert shown.replace("\\", "").replace("\u2060", "") == "No block [7](http://x). Ask for one of 0 to 3."
    assert "\\[7\\]\\(" in shown


def test_a_crash_shows_an_id_and_no_detail_and_logs_the_trace_under_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        shown = AppTest.from_function(crash).run().error[0].value
    found = re.search(r"id ([0-9a-f]{8})", shown)
    assert found
    assert "secret detail" not in shown
    assert found[1] in caplog.text
    assert "ZeroDivisionError: secret detail" in caplog.text
