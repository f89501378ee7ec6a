"""Live: the price, the feed and the chain as they are now, refreshed without a reload."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from core.accounts import may
from core.exchange import current
from core.web.charts import CONFIG
from core.web.escape import markdown
from core.web.format import duration, numbers_of
from core.web.live.screen import TICK_S, LiveScreen, screen
from core.web.live.tables import clock
from core.web.session import guard, still_signed_in

VIEWS = ("Trades", "Publishers", "Quarantine", "Pending", "Meters")

user = guard()
settings = current().settings
numbers = numbers_of(settings)
zone = ZoneInfo(settings.time_zone)


def controls() -> bool:
    """Heading, pause and mine-now; returns whether the page refreshes itself."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title("Live", width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            paused = st.toggle("Pause", key="live_paused", help="Stops this page from refreshing; the lab goes on.")
            if may(user, "analyst"):
                st.button(
                    "Mine now",
                    icon=":material/hardware:",
                    on_click=mine_now,
                    help="Makes a block of what is pending, without waiting for the next one.",
                )
    return not paused


def mine_now() -> None:
    """Ask for a block and say what came of it."""
    outcome = current().mine()
    st.toast(markdown(outcome.sentence, limit=300), icon=":material/deployed_code:")


def price_text(price: float | None) -> str:
    """A price with its currency, or a dash."""
    return "–" if price is None else numbers.money(price)


def card(label: str, value: str, note: str, *, help: str, chart: tuple[float, ...] = ()) -> None:
    """One figure with a line below it and, where there is a course to show, a small chart."""
    st.metric(
        label,
        value,
        note,
        delta_color="off",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=help,
        chart_data=chart if len(chart) > 1 else None,
    )


def metrics(now: LiveScreen) -> None:
    """The figures one looks for first."""
    prices, market = st.columns(3, gap="small"), now.price
    point, trade, minutes = market.latest, market.last_trade, market.window_s / 60
    with prices[0]:
        card(
            "Trading price",
            price_text(point.price if point else None),
            "simulated" if point is not None and point.simulated else "traded",
            chart=now.price_course,
            help="Per kWh: the last trade's price. While no trade comes, a simulated price that returns to the middle"
            " of the grid's two prices; trades of the simulated community are marked as simulated too.",
        )
    with prices[1]:
        card(
            "Mean price",
            price_text(market.vwap),
            f"last {minutes:.0f} minutes",
            chart=now.mean_course,
            help=f"Σ price·energy / Σ energy over the trades of the last {minutes:.0f} minutes. The small chart shows"
            " the same mean building up over the newest trades.",
        )
    with prices[2]:
        card(
            "Last trade",
            f"{numbers.number(trade.energy_kwh, 3)} kWh" if trade else "–",
            f"{price_text(trade.price)} at {clock(trade.at, zone)}" if trade else "none yet",
            chart=now.energy_course,
            help="Energy, price and time of the newest trade of the feed; the small chart shows the energy of the"
            " newest trades.",
        )


def operation(now: LiveScreen) -> None:
    """What the lab does with the trades: for whoever runs it."""
    chain = now.chain
    blocks = st.columns(3, gap="small")
    left_s = (now.next_block_at - datetime.now(UTC)).total_seconds() if now.next_block_at else None
    with blocks[0]:
        card(
            "Pending",
            numbers.number(chain.pending, 0),
            f"oldest waits {duration(now.at.timestamp() - chain.oldest_pending_at_ms / 1000)}"
            if chain.oldest_pending_at_ms is not None
            else "nothing waits",
            help="Transactions that are stored durably and wait for a block.",
        )
    with blocks[1]:
        card(
            "Last block",
            f"#{chain.height}" if chain.height >= 0 else "–",
            f"{numbers.number(chain.transactions, 0)} transactions on the chain",
            help="Height of the newest block, and the transactions on the whole chain.",
        )
    with blocks[2]:
        card(
            "Next block in",
            "–" if left_s is None else f"{max(left_s, 0):.0f} s",
            "if anything is pending by then" if chain.pending == 0 else "with what is pending",
            help=f"A block is mined every {settings.block_interval_s:g} s, unless nothing is pending.",
        )


def state(now: LiveScreen) -> None:
    """Badges, and how old the picture is."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for badge in now.badges:
            st.badge(badge.label, icon=badge.icon, color=badge.colour, help=badge.sentence)
        st.caption(f"as of {clock(now.at, zone)} ({settings.time_zone}) · {markdown(now.simulator, limit=160)}")
    if now.chain.damage:
        st.error(markdown(now.chain.damage, limit=400), icon=":material/error:")


def table(html: str, key: str, *, empty: str, height: int = 320) -> None:
    """A table that keeps its place while it refreshes, or the next step where there is nothing."""
    if not html:
        st.info(empty, icon=":material/info:")
        return
    with st.container(height=height, border=False, key=key):
        st.html(html)


def details(now: LiveScreen, view: str) -> None:
    """The table that was chosen."""
    if view == "Trades":
        feed, counts = now.feed, now.feed.counts
        st.caption(
            f"{numbers.number(counts.trades, 0)} trades · {numbers.number(feed.traded_kwh, 3)} kWh ·"
            f" {numbers.number(counts.duplicates, 0)} repeated · {numbers.number(counts.quarantined, 0)} quarantined"
            f" since the feed started · topic {markdown(feed.topic)}"
        )
        table(
            now.trades,
            "live_trades",
            empty="No trade yet. Publish one to the topic above; the README has the command.",
        )
    elif view == "Publishers":
        table(now.publishers, "live_publishers", empty="Nobody has published yet.")
        if now.gaps:
            st.caption("Numbers that publishers skipped (their `seq`)")
            table(now.gaps, "live_gaps", empty="", height=200)
    elif view == "Quarantine":
        table(now.quarantine, "live_quarantine", empty="Nothing in quarantine: every message was a valid trade.")
    elif view == "Pending":
        table(now.pending, "live_pending", empty="Nothing waits: everything that was accepted is in a block.")
    else:
        table(
            now.meters,
            "live_meters",
            empty="No meter has reported. Publish readings to iot-p2p-trading/meters/ followed by the household's id.",
        )


def publishing() -> None:
    """Where and as whom to publish; for admins, who may see the generated password."""
    broker = current().broker
    if broker is None or broker.endpoint is None:
        return
    endpoint = broker.endpoint
    part = st.expander("Publish a trade", icon=":material/send:", key="live_publishing", on_change="rerun")
    if not part.open:
        return  # its code would load a highlighter that nobody looks at
    with part:
        st.caption("The embedded broker, for programs on this machine. The same options are in the file named below.")
        st.code(
            f"host {endpoint.host}  port {endpoint.port}  user {endpoint.username}  password {endpoint.password}\n"
            f"options file {broker.options_file}",
            language=None,
        )
        st.code(
            f"XDG_CONFIG_HOME={broker.options_file.parent} mosquitto_pub -t {settings.mqtt_topic} \\\n"
            """  -m '{"buyer": "HH002", "seller": "HH001", "qty_kwh": 3.5, "price": 6.8}'""",
            language="sh",
        )


refreshing = controls()


@st.fragment(run_every=TICK_S if refreshing else None)
def live() -> None:
    """All that changes by itself."""
    still_signed_in()
    now = screen()
    state(now)
    metrics(now)
    if now.day_chart is not None:
        st.caption(f"The sample community's newest hours, by its own clock ({settings.time_zone})")
        st.plotly_chart(now.day_chart, key="live_day", config=CONFIG)
    if now.day_chart is None or any(not trade.simulated for trade in now.feed.recent):
        st.caption(f"Price of trades as they come ({settings.time_zone})")
        st.plotly_chart(now.price_chart, key="live_price", config=CONFIG)
    chosen = st.segmented_control(
        "Details", VIEWS, default=VIEWS[0], required=True, key="live_view", label_visibility="collapsed"
    )
    details(now, chosen)
    folded = st.expander("Ledger and miner", icon=":material/deployed_code:", key="live_operation", on_change="rerun")
    if folded.open:
        with folded:
            operation(now)
            table(now.blocks, "live_blocks", empty="No block yet.", height=300)


live()
if user.is_admin:
    publishing()
