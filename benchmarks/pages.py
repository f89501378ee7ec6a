"""How soon pages are ready, and how live pages hold up together; prints JSON, ratios within one run.

    python -m benchmarks.pages [--transactions 1000000] [--pages 150] [--households 100] [--rounds 7]

`hello` is a bare Streamlit app in the same run, `plotly` the same with a chart of 200 points. A page is ready when its
figures and its table are on screen; `chart` is when its first chart is drawn as well. A page at rest is reloaded.
Live sessions are driven over Streamlit's own WebSocket, as a browser would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import websockets
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.chromium import launch, sign_in
from tests.running import PASSWORD, REPO, App, free_port, generate_ledger, start_app

TICK_S = 2.0
WARM_S = 8.0
MEASURED_S = 30.0
REST_MS = 1_500
FIGURES = "[data-testid=stMetricValue]"
DRAWN = "[data-testid=stPlotlyChart] .main-svg"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=150)
    parser.add_argument("--households", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        browser = launch(playwright)
        report = measure(browser, folder, chosen)
        browser.close()
    print(json.dumps(report, indent=1))


def measure(browser: Browser, folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    blocks = max(1, chosen.transactions // 100)
    generate_ledger(folder / "ledger.json", transactions=chosen.transactions, blocks=blocks)
    dataset_id, run_id = prepare(folder, chosen.households)
    app = start_app(folder, ADMIN_PASSWORD=PASSWORD, SIMULATOR="on", BLOCK_INTERVAL_S="20")
    try:
        with bare(HELLO) as hello_url, bare(HELLO + CHART) as chart_url:
            context = signed_in(browser, app.url)
            pages = {
                "live": ("/", [FIGURES, ".lab-table table"], [DRAWN]),
                "explorer": ("/explorer", ["text=Newest block"], []),
                "compare": (f"/compare?run={run_id}", ["role=region[name='Figures of each algorithm']"], [DRAWN]),
            }
            floor = ready(browser.new_context(base_url=hello_url), "/", ["text=Hello"], [], chosen.rounds)
            plotly = ready(browser.new_context(base_url=chart_url), "/", ["text=Hello"], [DRAWN], chosen.rounds)
            times = {"plotly": plotly} | {name: ready(context, *place, chosen.rounds) for name, place in pages.items()}
            floor_again = ready(browser.new_context(base_url=hello_url), "/", ["text=Hello"], [], chosen.rounds)
            cookie = "; ".join(f"{c['name']}={c['value']}" for c in context.cookies())
        base = {kind: statistics.median([floor[kind], floor_again[kind]]) for kind in floor}
        report: dict[str, Any] = {"transactions": chosen.transactions, "hello_s": base}
        for name, found in times.items():
            ratios = {f"{kind}_ratio": round(s / base[kind.removeprefix("chart_")], 2) for kind, s in found.items()}
            report[name] = found | ratios
        report["live_pages"] = driven(crowd(app, cookie, chosen.pages))
        report["live_pages_while_algorithms_run"] = driven(crowd(app, cookie, 10, dataset_id=dataset_id))
        report |= {"sample_on_screen_s": sample(context), "drop": drop(context, app)}
        context.close()
        return report
    finally:
        app.stop()


def prepare(folder: Path, households: int) -> tuple[str, str]:
    """A finished comparison of a made-up year, made through the services: the ids of dataset and run."""
    code = PREPARE.format(households=households)
    environment = {
        **os.environ,
        "DATA_DIR": str(folder / "data"),
        "UPLOADS_DIR": str(folder / "uploads"),
        "LEDGER_PATH": str(folder / "ledger.json"),
        "ADMIN_PASSWORD": PASSWORD,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, env=environment, check=True, capture_output=True, text=True
    )
    dataset_id, run_id = done.stdout.split()[-2:]
    return dataset_id, run_id


PREPARE = """
from core.exchange import Exchange
from core.market.algorithms import find
from core.readings.sample import sample_community
from core.runs import RunPlan, Scenario, Selection
from core.settings import load
lab = Exchange(load())
lab.runs.start_workers()
admin = lab.accounts.everybody()[0]
sample = sample_community(seed=1, households={households}, days=365, slot_h=1.0)
added = lab.datasets.add(admin.user_id, sample.csv_files(), name="a year")
names = [name for name, each in find().items() if each.is_easy({households}) and name != "community_optimum"]
plan = RunPlan(tuple(Selection(name) for name in names), (Scenario("Scenario 1"),))
run_id = lab.runs.start(admin.user_id, added.dataset.dataset_id, plan=plan, name="a year")
state = lab.runs.wait(run_id, user_id=admin.user_id, timeout_s=600)
assert state.status == "done", state
lab.runs.stop_workers()
lab.stop()
print(added.dataset.dataset_id, run_id)
"""


HELLO = 'import streamlit as st\nst.title("Hello")\n'
CHART = """
import plotly.graph_objects as go
st.plotly_chart(go.Figure(go.Scatter(y=[n * n for n in range(200)])))
"""


@contextmanager
def bare(source: str) -> Iterator[str]:
    """A floor: a Streamlit app of a few lines."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "hello.py"
        script.write_text(source)
        port = free_port()
        options = ["--server.port", str(port), "--server.headless", "true", "--server.address", "127.0.0.1"]
        command = [sys.executable, "-m", "streamlit", "run", str(script), *options]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(3)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def signed_in(browser: Browser, url: str) -> BrowserContext:
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto("/")
    sign_in(page)
    page.get_by_role("heading", name="Live", exact=True).wait_for()
    page.wait_for_timeout(2_000)
    page.close()
    return context


def ready(
    context: BrowserContext, address: str, figures: Sequence[str], charts: Sequence[str], rounds: int
) -> dict[str, float]:
    """Medians of seconds: a first visit in a new page (HTTP cache kept by the browser), and a reload of it at rest."""
    seen: dict[str, list[float]] = {}
    for _ in range(rounds):
        page = context.new_page()
        for kind, go in (("first_s", page.goto), ("reload_s", page.reload)):
            started = time.perf_counter()
            go(*([address] if kind == "first_s" else []), wait_until="commit")
            for name, parts in (kind, figures), (f"chart_{kind}", charts):
                for part in parts:
                    page.wait_for_selector(part, state="attached", timeout=60_000)
                if parts:
                    seen.setdefault(name, []).append(time.perf_counter() - started)
            page.wait_for_timeout(REST_MS)
        page.close()
    return {name: round(statistics.median(found), 3) for name, found in seen.items()}


def sample(context: BrowserContext) -> float:
    """Seconds from the click on the sample community to its finished comparison."""
    page = context.new_page()
    page.goto("/compare")
    button = page.get_by_role("button", name="Try the sample community")
    button.wait_for()
    started = time.perf_counter()
    button.click()
    page.wait_for_selector(DRAWN)
    elapsed = time.perf_counter() - started
    page.close()
    return round(elapsed, 2)


def drop(context: BrowserContext, app: App) -> dict[str, Any]:
    """A thousand files of 100 KB dropped at once: seconds until they are with the server, and until they are read."""
    page = context.new_page()
    page.goto("/compare")
    zone = page.locator("[data-testid=compareBulkDrop]:has(button:enabled)")
    zone.wait_for()
    process = psutil.Process(app.process.pid)
    before = peak = process.memory_info().rss
    page.wait_for_timeout(REST_MS)
    zone.evaluate(THOUSAND_FILES)
    while not (seconds := page.evaluate("window.sent")):
        peak = max(peak, process.memory_info().rss)
        page.wait_for_timeout(20)
    started = time.perf_counter()
    page.wait_for_selector("[data-testid=stMetric] >> text=1,000")
    read = time.perf_counter() - started
    page.close()
    return {
        "files": 1_000,
        "sent_s": round(seconds, 2),
        "read_s": round(read, 2),
        "rss_grew_mb_while_sending": round((peak - before) / 2**20),
    }


THOUSAND_FILES = """zone => {
  const transfer = new DataTransfer();
  for (let n = 1; n <= 1000; n++) {
    const id = "HH" + String(n).padStart(4, "0"), rows = ["timestamp,household_id,load_kW,solar_kW"];
    for (let hour = 0; hour < 2640; hour++) {
      const at = new Date(Date.UTC(2024, 0, 1) + hour * 3600000).toISOString().slice(0, 16).replace("T", " ");
      const sun = Math.max(0, 3 - Math.abs(12 - hour % 24) / 2);
      rows.push([at, id, (0.3 + (hour + n) % 7 / 10).toFixed(4), sun.toFixed(4)].join());
    }
    transfer.items.add(new File([rows.join("\\n") + "\\n"], id + ".csv", {type: "text/csv"}));
  }
  const started = performance.now();
  new MutationObserver(() => {
    if (!window.sent && zone.textContent.includes("are there")) window.sent = (performance.now() - started) / 1000;
  }).observe(zone, {subtree: true, childList: true, characterData: true});
  for (const name of ["dragenter", "dragover", "drop"])
    zone.dispatchEvent(new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: transfer}));
}"""


def driven(sessions: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Run in a thread of its own: the browser's driver has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, sessions).result()


@dataclass
class Crowd:
    """What the live sessions saw."""

    tick_s: list[float] = field(default_factory=list)
    skipped: int = 0
    measuring: bool = False


async def crowd(app: App, cookie: str, sessions: int, *, dataset_id: str = "") -> dict[str, Any]:
    """Sessions that ask for a tick every TICK_S, as browsers do."""
    seen = Crowd()
    process = psutil.Process(app.process.pid)
    before = process.memory_info().rss
    ends_at = time.monotonic() + sessions * 0.1 + WARM_S + MEASURED_S
    tasks = [asyncio.create_task(session(app, cookie, seen, ends_at, wait_s=i * 0.1)) for i in range(sessions)]
    await asyncio.sleep(sessions * 0.1 + WARM_S)
    if dataset_id:
        await asyncio.to_thread(start_run, app, cookie, dataset_id)
    seen.measuring, cpu = True, sum(process.cpu_times()[:2])
    measured_from = time.monotonic()
    await asyncio.sleep(ends_at - time.monotonic() - 1)
    elapsed = time.monotonic() - measured_from
    cpu, seen.measuring, rss = sum(process.cpu_times()[:2]) - cpu, False, process.memory_info().rss
    await asyncio.gather(*tasks)
    ticks = sorted(seen.tick_s)
    return {
        "sessions": sessions,
        "ticks": len(ticks),
        "tick_p50_ms": round(1000 * ticks[len(ticks) // 2], 1),
        "tick_p95_ms": round(1000 * ticks[int(len(ticks) * 0.95)], 1),
        "skipped": seen.skipped,
        "cpu_share": round(cpu / elapsed, 2),
        "rss_mb": round(rss / 2**20),
        "rss_mb_a_session": round((rss - before) / 2**20 / sessions, 2),
    }


async def session(app: App, cookie: str, seen: Crowd, ends_at: float, *, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    address = app.url.replace("http", "ws") + "/_stcore/stream"
    options: dict[str, Any] = {"subprotocols": ["streamlit"], "max_size": None, "origin": app.url}
    async with websockets.connect(
        address, additional_headers={"Cookie": cookie}, ping_interval=None, **options
    ) as socket:
        fragments: list[str] = []
        finished, page = asyncio.Event(), [""]

        async def read() -> None:
            async for message in socket:
                if len(message) < 20_000:
                    forward = ForwardMsg()
                    forward.ParseFromString(message)
                    kind = forward.WhichOneof("type")
                    if kind == "auto_rerun" and forward.auto_rerun.fragment_id not in fragments:
                        fragments.append(forward.auto_rerun.fragment_id)
                    elif kind == "script_finished":
                        finished.set()
                    elif kind == "new_session":
                        page[0] = forward.new_session.page_script_hash

        reader = asyncio.create_task(read())
        first = BackMsg()
        first.rerun_script.query_string = ""
        await socket.send(first.SerializeToString())
        await asyncio.wait_for(finished.wait(), 120)
        due = time.monotonic() + TICK_S
        while due < ends_at:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            seen.skipped += seen.measuring and time.monotonic() - due > TICK_S
            due += TICK_S
            finished.clear()
            tick = BackMsg()
            tick.rerun_script.page_script_hash = page[0]
            tick.rerun_script.fragment_id = fragments[-1]
            tick.rerun_script.is_auto_rerun = True
            asked = time.monotonic()
            await socket.send(tick.SerializeToString())
            await asyncio.wait_for(finished.wait(), 60)
            if seen.measuring:
                seen.tick_s.append(time.monotonic() - asked)
        reader.cancel()


def start_run(app: App, cookie: str, dataset_id: str) -> None:
    """Start a comparison of all algorithms at a price nobody compared before, through REST."""
    headers = {"Cookie": cookie, "Origin": app.url}
    found = httpx.get(f"{app.url}/api/algorithms", headers=headers).json()["items"]
    body = {
        "dataset_id": dataset_id,
        "algorithms": [{"id": one["id"]} for one in found],
        "scenarios": [{"name": "dearer", "retail_price": 9.5}],
    }
    httpx.post(f"{app.url}/api/runs", headers=headers, json=body).raise_for_status()


if __name__ == "__main__":
    main()
