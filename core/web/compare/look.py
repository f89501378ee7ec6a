"""The page's look: small headings; tables with numbers to the right and names that stay while the rest scrolls."""

from __future__ import annotations

import pandas as pd
import streamlit as st

_KEY = "compare_table"


def page_style() -> None:
    """Put the page's rules on it: small headings, tables of figures."""
    paper = st.get_option(f"theme.{'dark' if st.context.theme.type == 'dark' else 'light'}.backgroundColor")
    st.html(
        f"""<style>
[data-testid="stMain"] h2 {{ font-size: 1.15rem; padding: 0.4rem 0; }}
[class*="st-key-{_KEY}"] table {{ font-variant-numeric: tabular-nums; font-size: 0.86rem; }}
[class*="st-key-{_KEY}"] :is(td, th) {{ padding: 0.3rem 0.5rem; white-space: nowrap; text-align: right !important; }}
[class*="st-key-{_KEY}"] :is(td, th) [data-testid="stMarkdownContainer"] {{
  text-align: right; font-size: inherit; white-space: inherit; word-break: normal;
}}
[class*="st-key-{_KEY}"] thead th {{ white-space: normal; vertical-align: bottom; min-width: 4.4rem; }}
[class*="st-key-{_KEY}"] tr > th:first-child {{
  position: sticky; left: 0; z-index: 1; min-width: 9rem; text-align: left !important; background: {paper};
}}
[class*="st-key-{_KEY}"] tr > th:first-child [data-testid="stMarkdownContainer"] {{ text-align: left; }}
</style>"""
    )


def figures(table: pd.DataFrame, *, alt: str, key: str) -> None:
    """A table of Markdown cells, its index the lines' names."""
    with st.container(key=f"{_KEY}_{key}"):
        st.table(table, border="horizontal", alt=alt)
