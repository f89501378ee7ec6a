"""What there is to doubt about the readings of a result: a counted amber line that opens the list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.readings import Issue
from core.web.escape import markdown, visible
from core.web.format import count

SEVERITIES = {"error": "Refused", "warning": "Warning", "note": "Note"}
KINDS_NAMED = 3
MOST = 30
"""Findings that are spelled out in the line's list."""


def line(findings: Sequence[Issue]) -> None:
    """The amber line under the title; nothing where there is nothing to doubt."""
    if not findings:
        return
    with st.popover(
        f":orange-badge[{summary(findings)}]",
        icon=":material/warning:",
        type="tertiary",
        help="What was found when the files were read. It holds for every figure below.",
        key="compare_findings",
    ):
        said = [f"- {markdown(issue.message, limit=600)}" for issue in findings[:MOST]]
        more = [f"- and {len(findings) - MOST:,} more, in the report"] if len(findings) > MOST else []
        st.markdown("\n".join([*said, *more]))


def summary(findings: Sequence[Issue]) -> str:
    """ "Read with 17 findings: sun at night (17)"."""
    kinds = Counter(issue.code.replace("_", " ") for issue in findings).most_common()
    named = ", ".join(f"{kind} ({number:,})" if number > 1 else kind for kind, number in kinds[:KINDS_NAMED])
    more = f" and {count(len(kinds) - KINDS_NAMED, 'other kind')}" if len(kinds) > KINDS_NAMED else ""
    return f"Read with {count(len(findings), 'finding')}: {named}{more}"


def table(issues: Sequence[Issue], *, key: str) -> None:
    """Every finding with its place."""
    shown = pd.DataFrame(
        {
            "Severity": [SEVERITIES[issue.severity] for issue in issues],
            "File": [visible(issue.file) for issue in issues],
            "Line": [f"{issue.line:,}" if issue.line else "" for issue in issues],
            "Column": [visible(issue.column or "") for issue in issues],
            "Found": [visible(issue.raw or "") for issue in issues],
            "What it is": [visible(issue.message, limit=600) for issue in issues],
            "What to do": [visible(issue.fix, limit=300) for issue in issues],
        }
    )
    st.dataframe(shown, hide_index=True, alt="Findings about the files, with line and column", key=key)
