"""Learn: what each algorithm does, worked out on four homes or six orders, with the engine's own answer beside it."""

from __future__ import annotations

import streamlit as st

from core.exchange import current
from core.market.algorithms import find
from core.market.examples import EXAMPLES
from core.web import learn
from core.web.charts import CONFIG
from core.web.format import numbers_of
from core.web.session import guard

guard()
numbers = numbers_of(current().settings)
algorithms = find()
shown = {example.algorithm_id: example for example in EXAMPLES}

st.title("Learn", anchor=False)
chosen = st.pills(
    "Mechanism",
    list(shown),
    format_func=lambda algorithm_id: algorithms[algorithm_id].name,
    default=next(iter(shown)),
    required=True,
    key="mechanism",
    label_visibility="collapsed",
    bind="query-params",
)
example, algorithm = shown[chosen], algorithms[chosen]

st.subheader(algorithm.name, anchor=False)
st.write(example.idea)

left, right = st.columns([3, 2], gap="large")
with left:
    st.html(learn.given(example, numbers))
    st.html(learn.worked(example, numbers))
with right:
    st.plotly_chart(learn.picture(example, numbers), key="learn_picture", config=CONFIG)
    st.caption(learn.engine_says(example, numbers))

with st.expander("In the field's words"):
    st.write(learn.reference(algorithm))
