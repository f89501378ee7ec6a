"""A run goes through its states once, whatever dies on the way, and the ledger hears of it exactly when it is done."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from core.errors import ConflictError, InputError, MarketError, NotFoundError, TooManyRequestsError
from core.runs.plan import RunPlan, Scenario, Selection, matrix
from core.runs.tariffs import TariffPlan


def finished(lab, run_id: str, user_id: str = "ann"):
    state = lab.runs.wait(run_id, user_id=user_id, timeout_s=60.0)
    assert state.ended
    return state


def documents(lab) -> list[dict]:
    return [json.loads(row.body) for row in lab.pool.pending(100)]


# ---- the way of a run


def test_a_run_ends_with_its_result_on_disk_and_its_transaction_in_the_pool(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    state = finished(lab, lab.start("ann", dataset, name="First"))
    result = lab.runs.result(state.run_id, user_id="ann")
    [document] = documents(lab)
    [pending] = lab.pool.pending(1)
    assert state.status == "done"
    assert (state.progress, state.left_s, state.rows_done) == (1.0, 0.0, 2)
    assert state.tx_hash == pending.tx_hash
    assert state.result_digest == result.result_digest
    assert document["run_id"] == state.run_id
    assert document["dataset_digest"] == dataset.digest == result.dataset_digest
    assert document["actor"] == "ann"
    for entry, row in zip(document["results"], result.rows, strict=True):
        assert entry["algorithm_id"] == row.algorithm_id
        assert entry["source_digest"] == row.source_digest
        assert entry["result_digest"] == row.result_digest
        assert entry["invariants"]
        assert entry["tariff"]["retail_micro_per_kwh"] == 7_000_000
    traded = result.row("as it should", "mid_market_rate").figures["traded_kwh"]
    assert document["results"][1]["figures"]["total_kwh_traded_micro"] == round(traded * 1e6)


def test_arrays_on_disk_add_up_to_the_figures(lab) -> None:
    lab.runs.start_workers()
    state = finished(lab, lab.start("ann", lab.dataset()))
    result = lab.runs.result(state.run_id, user_id="ann")
    row = result.row("as it should", "mid_market_rate")
    households, series = result.households(row), result.series(row, ["traded_kwh", "community_cost"])
    assert set(series) == {"traded_kwh", "community_cost"}
    assert series["traded_kwh"].shape == (result.slots,)
    assert series["traded_kwh"].sum() == pytest.approx(row.figures["traded_kwh"])
    assert series["community_cost"].sum() == pytest.approx(row.figures["community_cost"])
    assert households["savings"].shape == (len(result.household_ids),)
    assert households["savings"].sum() == pytest.approx(row.figures["savings"])


def test_a_matrix_of_scenarios_is_one_run_with_a_row_for_each(lab) -> None:
    lab.runs.start_workers()
    scenarios = matrix(
        {"flat": TariffPlan.flat(), "dear": TariffPlan.flat(12.0, 3.0)},
        {"small": {"capacity_kwh": 2.0}, "large": {"capacity_kwh": 20.0}},
    )
    plan = RunPlan((Selection("grid_only"), Selection("p2p_battery")), scenarios)
    run_id = lab.runs.start("ann", lab.dataset().dataset_id, plan=plan)
    assert finished(lab, run_id).status == "done"
    result = lab.runs.result(run_id, user_id="ann")
    assert result.scenarios == ("flat, small", "flat, large", "dear, small", "dear, large")
    assert len(result.rows) == 8
    assert result.row("dear, large", "p2p_battery").parameters["capacity_kwh"] == 20.0
    costs = [result.row(name, "grid_only").figures["community_cost"] for name in result.scenarios]
    assert costs[0] == costs[1] < costs[2] == costs[3]
    assert len(documents(lab)[0]["results"]) == 8


def test_the_same_comparison_is_computed_once(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    first = finished(lab, lab.start("ann", dataset))
    folder = lab.settings.data_dir / "results"
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    second = finished(lab, lab.start("ann", dataset, name="The same again"))
    assert second.result_digest == first.result_digest
    assert second.run_id != first.run_id
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == kept
    assert [document["run_id"] for document in documents(lab)] == [first.run_id, second.run_id]


def test_another_parameter_or_tariff_is_another_result(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    plans = [
        RunPlan((Selection("p2p_battery", {"capacity_kwh": kwh}),), (Scenario("s", TariffPlan.flat(retail)),))
        for kwh, retail in ((5.0, 7.0), (6.0, 7.0), (5.0, 8.0))
    ]
    runs = [lab.runs.start("ann", dataset.dataset_id, plan=plan) for plan in plans]
    assert len({finished(lab, run_id).result_digest for run_id in runs}) == 3


def test_an_algorithm_that_prints_does_not_spoil_the_messages(lab) -> None:
    lab.runs.start_workers()
    run_id = lab.start("ann", lab.dataset(), "child")
    while lab.runs.state(run_id, user_id="ann").message != "Parent, child":
        time.sleep(0.005)
    lab.runs.cancel(run_id, user_id="ann")
    assert finished(lab, run_id).status == "cancelled"


# ---- what must not be started


@pytest.mark.parametrize(
    ("selection", "parameters", "sentence"),
    [
        (Selection("mid_market_rat"), {}, 'Did you mean "mid_market_rate"'),
        (Selection("p2p_battery", {"capacity": 5.0}), {}, 'Did you mean "capacity_kwh"'),
        (Selection("p2p_battery", {"capacity_kwh": -5.0}), {}, "capacity_kwh is"),
        (Selection("grid_only"), {"capacity_kwh": 5.0}, "which no selected algorithm knows"),
    ],
)
def test_a_plan_with_a_mistake_is_refused_at_the_start(lab, selection, parameters, sentence) -> None:
    plan = RunPlan((selection,), (Scenario("s", TariffPlan.flat(), parameters),))
    with pytest.raises(MarketError, match=sentence):
        lab.runs.start("ann", lab.dataset().dataset_id, plan=plan)
    assert lab.runs.history("ann") == ()


def test_a_user_cannot_fill_the_queue_without_end(lab, monkeypatch) -> None:
    monkeypatch.setattr("core.runs.runs.QUEUED_A_USER", 2)
    dataset = lab.dataset()
    for _ in range(2):
        lab.start("ann", dataset)
    with pytest.raises(TooManyRequestsError, match="2 of your runs are waiting"):
        lab.start("ann", dataset)


# ---- containment


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ("segfault", 'ended by signal SIGSEGV. "Grid only" was at work; other runs are not affected.'),
        ("exit", 'ended with status 3 before it was done. "Grid only" was at work'),
        ("leave", 'SystemExit: 4 "Grid only" was at work'),
        ("forget", "ended with status 0 before it was done"),
        ("raise", 'ValueError: an algorithm\'s own mistake "Grid only" was at work'),
        ("refuse", "Slot 3: more is sold than there is. Sell less."),
        ("babble", "The worker was ended by signal SIGKILL"),
    ],
)
def test_a_worker_that_dies_fails_its_own_run_and_no_other(lab, behaviour, sentence) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    bad, good = lab.start("ann", dataset, behaviour), lab.start("ann", dataset)
    state = finished(lab, bad)
    assert state.status == "failed"
    assert sentence in state.message
    assert finished(lab, good).status == "done"
    assert [document["run_id"] for document in documents(lab)] == [good]


def test_an_endless_loop_is_ended_at_its_limit(lab) -> None:
    lab.limit_s = 0.3
    lab.restart()
    lab.runs.start_workers()
    state = finished(lab, lab.start("ann", lab.dataset(), "spin"))
    assert state.status == "failed"
    assert "ended after 0.3 s without getting further" in state.message


@pytest.mark.parametrize("behaviour", ["spin", "stuck", "child"])
def test_a_cancelled_run_and_all_it_started_is_gone_within_a_second(lab, behaviour) -> None:
    lab.runs.start_workers()
    run_id = lab.start("ann", lab.dataset(), behaviour)
    lab.until(lambda: behaviour in lab.runs.state(run_id, user_id="ann").message)
    spare = lab.until(lambda: lab.runs.wait_for_spare(1.0) and lab.runs._dispatcher._spare)
    began = time.monotonic()
    lab.runs.cancel(run_id, user_id="ann")
    lab.until(lambda: [each.pid for each in lab.workers()] == [spare.pid], timeout_s=5.0)
    assert time.monotonic() - began < 1.0
    assert lab.runs.state(run_id, user_id="ann").status == "cancelled"
    assert documents(lab) == []


def test_a_queued_run_can_be_cancelled_and_never_begins(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    lab.runs.cancel(run_id, user_id="ann")
    lab.runs.start_workers()
    after = lab.start("ann", lab.dataset())
    assert finished(lab, after).status == "done"
    assert lab.runs.state(run_id, user_id="ann").status == "cancelled"


def test_an_ended_run_cannot_be_cancelled(lab) -> None:
    lab.runs.start_workers()
    run_id = lab.start("ann", lab.dataset(), name="Done")
    finished(lab, run_id)
    with pytest.raises(ConflictError, match='The run "Done" has ended already'):
        lab.runs.cancel(run_id, user_id="ann")
    assert lab.runs.state(run_id, user_id="ann").status == "done"


def test_a_run_cancelled_while_it_was_being_finished_adds_no_transaction(lab) -> None:
    lab.runs.start_workers()
    done = finished(lab, lab.start("ann", lab.dataset()))
    row = lab.runs._rows.get(done.run_id)
    other = lab.start("ann", lab.dataset(), "spin")
    lab.until(lambda: lab.runs.state(other, user_id="ann").status == "running")
    running = replace(lab.runs._rows.get(other), plan=row.plan)
    lab.runs.cancel(other, user_id="ann")
    lab.runs._queue.finish(running, row.result_key)
    assert lab.runs.state(other, user_id="ann").status == "cancelled"
    assert [document["run_id"] for document in documents(lab)] == [done.run_id]


# ---- one database transaction


def test_a_fault_between_run_and_transaction_leaves_neither(lab, monkeypatch) -> None:
    def fail(connection, transactions) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(lab.pool, "insert", fail)
    lab.runs.start_workers()
    state = finished(lab, lab.start("ann", lab.dataset()))
    assert state.status == "failed"
    assert "could not be recorded: the disk is gone" in state.message
    assert (state.tx_hash, state.result_digest) == (None, None)
    assert lab.pool.pending_count() == 0


def test_a_fault_after_the_insert_takes_the_transaction_back(lab, monkeypatch) -> None:
    insert = lab.pool.insert

    def insert_and_fail(connection, transactions) -> None:
        insert(connection, transactions)
        raise OSError("power failure")

    monkeypatch.setattr(lab.pool, "insert", insert_and_fail)
    lab.runs.start_workers()
    assert finished(lab, lab.start("ann", lab.dataset())).status == "failed"
    assert lab.pool.pending_count() == 0


def test_nobody_sees_a_finished_run_without_its_transaction(lab, monkeypatch) -> None:
    seen = []
    insert = lab.pool.insert

    def look(connection, transactions) -> None:
        insert(connection, transactions)
        seen.append((lab.runs.state(run_id, user_id="ann").status, lab.pool.pending_count()))

    monkeypatch.setattr(lab.pool, "insert", look)
    run_id = lab.start("ann", lab.dataset())
    lab.runs.start_workers()
    assert finished(lab, run_id).status == "done"
    assert seen == [("running", 0)]
    assert lab.pool.pending_count() == 1


# ---- the queue


def test_a_user_has_two_runs_at_once_and_sees_the_place_of_the_others(lab, tmp_path) -> None:
    lab.restart(workers=3)
    lab.runs.start_workers()
    dataset = lab.dataset()
    gate = tmp_path / "gate"
    runs = [lab.start("ann", dataset, f"gate {gate}", name=f"Run {number}") for number in range(4)]

    def statuses() -> list[str]:
        return [lab.runs.state(run_id, user_id="ann").status for run_id in runs]

    lab.until(lambda: statuses() == ["running", "running", "queued", "queued"])
    other = lab.start("bob", lab.dataset("bob", seed=2))
    assert finished(lab, other, "bob").status == "done"  # a third worker is free for somebody else
    assert statuses() == ["running", "running", "queued", "queued"]
    assert [lab.runs.state(run_id, user_id="ann").queue_position for run_id in runs] == [None, None, 1, 2]
    assert lab.runs.state(runs[0], user_id="ann").message == "A worker starts"
    assert lab.runs.under_way() == (2, 2)
    gate.touch()
    assert [finished(lab, run_id).status for run_id in runs] == ["done"] * 4


def test_a_worker_that_is_killed_while_it_waits_costs_no_run(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    assert lab.runs.wait_for_spare(60.0)
    lab.runs._dispatcher._spare.kill()
    assert finished(lab, lab.start("ann", dataset)).status == "done"


def test_a_worker_that_cannot_even_start_fails_the_run_and_is_not_tried_for_ever(lab, tmp_path) -> None:
    import sys

    broken = tmp_path / "broken.py"
    broken.write_text("import sys; print('no such module', file=sys.stderr); sys.exit(1)")
    lab.command = (sys.executable, str(broken))
    lab.restart()
    lab.runs.start_workers()
    state = finished(lab, lab.start("ann", lab.dataset()))
    assert state.status == "failed"
    assert "ended with status 1 before it was done. It had not begun" in state.message


def test_progress_is_told_while_a_run_is_under_way(lab) -> None:
    lab.runs.start_workers()
    run_id = lab.start("ann", lab.dataset(), "spin")
    state = lab.until(lambda: (state := lab.runs.state(run_id, user_id="ann")).progress > 0.0 and state)
    assert state.message == "Grid only, spin"
    assert 0.0 < state.progress < 1.0
    assert state.rows_done == 0


# ---- restarts


def test_a_run_under_way_when_the_lab_stops_is_interrupted_and_can_be_started_again(lab, tmp_path) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    gate = tmp_path / "gate"
    run_id = lab.start("ann", dataset, f"gate {gate}", name="Long")
    lab.until(lambda: lab.runs.state(run_id, user_id="ann").status == "running")
    lab.restart()
    state = lab.runs.state(run_id, user_id="ann")
    assert state.status == "interrupted"
    assert "Start it again" in state.message
    gate.touch()
    lab.runs.start_workers()
    again = lab.runs.again(run_id, user_id="ann")
    assert finished(lab, again).status == "done"
    assert lab.runs.state(again, user_id="ann").name == "Long"
    assert lab.runs.state(run_id, user_id="ann").status == "interrupted"


def test_a_run_under_way_when_the_lab_is_killed_is_interrupted_at_the_next_start(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    assert lab.runs._queue.begin(lab.runs._rows.get(run_id))  # and then the process dies
    lab.restart()
    assert lab.runs.state(run_id, user_id="ann").status == "running"
    lab.runs.start_workers()
    assert lab.runs.state(run_id, user_id="ann").status == "interrupted"


def test_queued_runs_wait_for_the_next_start(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    lab.restart()
    assert lab.runs.state(run_id, user_id="ann").queue_position == 1
    lab.runs.start_workers()
    assert finished(lab, run_id).status == "done"


def test_a_run_repeats_the_readings_it_was_made_on_after_the_dataset_has_grown(lab) -> None:
    from core.readings.sample import sample_community

    lab.runs.start_workers()
    dataset = lab.dataset(households=2)
    first = finished(lab, lab.start("ann", dataset))
    more = sample_community(1, 3, days=1).csv_files()[2:]
    assert lab.datasets.extend(dataset.dataset_id, more, user_id="ann").dataset.households == 3
    repeated = finished(lab, lab.runs.again(first.run_id, user_id="ann"))
    grown = finished(lab, lab.start("ann", dataset))
    assert repeated.result_digest == first.result_digest
    assert grown.result_digest != first.result_digest
    assert lab.runs.result(grown.run_id, user_id="ann").household_ids == ("HH001", "HH002", "HH003")


def test_workers_end_when_the_lab_dies_without_a_word(lab) -> None:
    from core.runs.worker_process import Worker

    heard = []
    worker = Worker(lab.command, lambda _, message: heard.append(message))
    lab.until(lambda: heard)
    worker._popen.stdin.close()
    lab.until(lambda: heard[-1] is None)
    assert worker.exit_status == 0
    worker.join()


def test_a_worker_that_holds_the_interpreter_is_ended_by_its_alarm_when_the_lab_dies(lab) -> None:
    from core.runs.worker_process import Worker

    heard = []
    worker = Worker(lab.command, lambda _, message: heard.append(message))
    worker.give({"plan": {"scenarios": [{"name": "stuck"}]}, "limit_s": 60.0})
    lab.until(lambda: heard and heard[-1] and heard[-1]["event"] == "begun")
    worker._popen.stdin.close()
    lab.until(lambda: heard[-1] is None)
    assert worker.exit_status == -14
    worker.join()


# ---- who may see it


def test_somebody_elses_run_is_not_there(lab) -> None:
    lab.runs.start_workers()
    run_id = lab.start("ann", lab.dataset())
    finished(lab, run_id)
    calls = [
        lambda: lab.runs.state(run_id, user_id="bob"),
        lambda: lab.runs.result(run_id, user_id="bob"),
        lambda: lab.runs.again(run_id, user_id="bob"),
        lambda: lab.runs.cancel(run_id, user_id="bob"),
        lambda: lab.runs.describe(run_id, user_id="bob", name="Mine", tags=()),
        lambda: lab.runs.delete(run_id, user_id="bob"),
        lambda: lab.runs.share(run_id, user_id="bob", everybody=True),
        lambda: lab.runs.create_link(run_id, user_id="bob"),
        lambda: lab.runs.links(run_id, user_id="bob"),
        lambda: lab.runs.revoke_link(run_id, "x", user_id="bob"),
    ]
    for call in calls:
        with pytest.raises(NotFoundError) as not_yours:
            call()
        assert str(not_yours.value) == f'There is no run "{run_id}", or it is not yours.'
    with pytest.raises(NotFoundError, match='There is no run "nothing", or it is not yours'):
        lab.runs.state("nothing", user_id="bob")
    assert lab.runs.history("bob") == ()
    assert [state.run_id for state in lab.runs.history("ann")] == [run_id]


def test_a_run_shared_with_everybody_can_be_read_but_not_changed(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    lab.runs.share(run_id, user_id="ann", everybody=True)
    assert lab.runs.state(run_id, user_id="bob").owner_id == "ann"
    assert [state.run_id for state in lab.runs.history("bob")] == [run_id]
    with pytest.raises(NotFoundError):
        lab.runs.cancel(run_id, user_id="bob")
    lab.runs.share(run_id, user_id="ann", everybody=False)
    with pytest.raises(NotFoundError):
        lab.runs.state(run_id, user_id="bob")


def test_a_link_opens_its_run_until_it_expires_or_is_revoked(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    other = lab.start("ann", lab.dataset())
    link, brief = lab.runs.create_link(run_id, user_id="ann"), lab.runs.create_link(run_id, user_id="ann", days=1.0)
    assert lab.runs.state(run_id, user_id="bob", link=link.token).run_id == run_id
    for stranger in ("", "guess", link.link_id):
        with pytest.raises(NotFoundError):
            lab.runs.state(run_id, user_id="bob", link=stranger)
    with pytest.raises(NotFoundError):
        lab.runs.state(other, user_id="bob", link=link.token)
    lab.now_ms += 86_400_000
    with pytest.raises(NotFoundError):
        lab.runs.state(run_id, user_id="bob", link=brief.token)
    assert [each.ended for each in lab.runs.links(run_id, user_id="ann")].count(True) == 1
    assert lab.runs.state(run_id, user_id="bob", link=link.token)
    lab.runs.revoke_link(run_id, link.link_id, user_id="ann")
    with pytest.raises(NotFoundError):
        lab.runs.state(run_id, user_id="bob", link=link.token)


def test_the_token_of_a_link_is_nowhere_in_the_database(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    link = lab.runs.create_link(run_id, user_id="ann")
    kept = b"".join(path.read_bytes() for path in lab.settings.data_dir.glob("lab.db*"))
    assert link.link_id.encode() in kept
    assert link.token.encode() not in kept


def test_an_admin_may_end_anybodys_run(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    lab.runs.cancel(run_id, user_id="root", is_admin=True)
    assert lab.runs.state(run_id, user_id="ann").status == "cancelled"


# ---- the history


def test_the_history_is_newest_first_paged_and_searched(lab) -> None:
    dataset = lab.dataset()
    runs = [lab.start("ann", dataset, name=f"Run {number}") for number in range(5)]
    lab.runs.describe(runs[1], user_id="ann", name="Night tariff", tags=("winter 100%", " winter  100% ", "paper"))
    page = lab.runs.history("ann", limit=2)
    rest = lab.runs.history("ann", before=page[-1].cursor)
    assert [state.run_id for state in (*page, *rest)] == runs[::-1]
    assert [state.run_id for state in lab.runs.history("ann", text="NIGHT")] == [runs[1]]
    assert [state.run_id for state in lab.runs.history("ann", text="100%")] == [runs[1]]
    assert lab.runs.history("ann", text="1%0") == ()
    assert lab.runs.history("ann", text="paper")[0].tags == ("winter 100%", "paper")
    first = lab.runs.history("ann", text="Run 0")[0]
    assert (first.dataset_id, first.dataset_digest) == (dataset.dataset_id, dataset.digest)
    assert first.plan.selections[0].algorithm_id == "grid_only"


def test_an_ended_run_can_be_taken_out_of_the_history_and_a_running_one_cannot(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    with pytest.raises(ConflictError, match="Cancel it first"):
        lab.runs.delete(run_id, user_id="ann")
    lab.runs.cancel(run_id, user_id="ann")
    lab.runs.delete(run_id, user_id="ann")
    assert lab.runs.history("ann") == ()


def test_too_many_tags_or_too_long_a_name_are_refused(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    with pytest.raises(InputError, match="at most 10 tags"):
        lab.runs.describe(run_id, user_id="ann", name="x", tags=[f"t{number}" for number in range(11)])
    with pytest.raises(InputError, match="expected at most 120"):
        lab.runs.describe(run_id, user_id="ann", name="x" * 121, tags=())


def test_the_history_of_one_dataset(lab) -> None:
    first, second = lab.dataset(seed=1), lab.dataset(seed=2)
    run_id = lab.start("ann", first)
    lab.start("ann", second)
    assert [state.run_id for state in lab.runs.history("ann", dataset_id=first.dataset_id)] == [run_id]


def test_every_change_of_a_run_that_the_ledger_does_not_show_is_audited(lab) -> None:
    run_id = lab.start("ann", lab.dataset())
    lab.audited.clear()
    lab.runs.share(run_id, user_id="ann", everybody=True)
    link = lab.runs.create_link(run_id, user_id="ann")
    lab.runs.revoke_link(run_id, link.link_id, user_id="ann")
    lab.runs.cancel(run_id, user_id="root", is_admin=True)
    lab.runs.delete(run_id, user_id="ann")
    assert lab.audited == [
        ("run.shared", "ann", run_id),
        ("run.link.made", "ann", run_id),
        ("run.link.revoked", "ann", run_id),
        ("run.cancelled", "root", run_id),
        ("run.deleted", "ann", run_id),
    ]


# ---- what is kept


def test_time_left_is_known_after_a_restart(lab) -> None:
    lab.runs.start_workers()
    dataset = lab.dataset()
    finished(lab, lab.start("ann", dataset))
    lab.restart()
    lab.runs.start_workers()
    run_id = lab.start("ann", dataset, "spin")
    state = lab.until(lambda: "spin" in (state := lab.runs.state(run_id, user_id="ann")).message and state)
    assert state.left_s is not None


def test_results_that_no_run_has_are_taken_away_when_they_are_old(lab) -> None:
    import os

    lab.runs.start_workers()
    dataset = lab.dataset()
    kept, dropped = lab.start("ann", dataset), lab.start("ann", dataset, "another name")
    fresh = RunPlan((Selection("grid_only"),))
    unused = lab.runs.start("ann", dataset.dataset_id, plan=fresh)
    for run_id in (kept, dropped, unused):
        finished(lab, run_id)
    lab.runs.delete(dropped, user_id="ann")
    lab.runs.delete(unused, user_id="ann")
    folder = lab.settings.data_dir / "results"
    (folder / ".aside-x").mkdir()
    assert len(list(folder.iterdir())) == 6  # two scenarios, three runs, and what a crash left
    lab.restart()
    lab.runs.start_workers()
    assert len(list(folder.iterdir())) == 5
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    lab.restart()
    lab.runs.start_workers()
    assert len(list(folder.iterdir())) == 2  # the run that is still there, and its scenario
    assert lab.runs.result(kept, user_id="ann").rows


def test_a_run_whose_readings_were_deleted_fails_in_words(lab) -> None:
    dataset = lab.dataset()
    run_id = lab.start("ann", dataset)
    lab.datasets.delete(dataset.dataset_id, user_id="ann")
    lab.runs.start_workers()
    state = finished(lab, run_id)
    assert state.status == "failed"
    assert "are no longer kept. Upload their files again" in state.message
    with pytest.raises(NotFoundError, match="no longer kept"):
        lab.runs.again(run_id, user_id="ann")


def test_a_result_that_was_taken_from_the_disk_is_said_to_be_gone(lab) -> None:
    import shutil

    lab.runs.start_workers()
    run_id = lab.start("ann", lab.dataset())
    finished(lab, run_id)
    result = lab.runs.result(run_id, user_id="ann")
    shutil.rmtree(lab.settings.data_dir / "results")
    with pytest.raises(NotFoundError, match="Run the comparison again"):
        lab.runs.result(run_id, user_id="ann")
    with pytest.raises(NotFoundError, match='The details of "Grid only" are no longer on disk'):
        result.series(result.rows[0])


# ---- the real worker


def test_one_click_on_the_sample_community_ends_in_a_comparison_of_every_algorithm(lab) -> None:
    from core.market.algorithms import find
    from core.runs.worker_process import COMMAND

    lab.command = COMMAND
    lab.restart()
    lab.runs.start_workers()
    assert lab.runs.wait_for_spare(60.0)
    dataset = lab.datasets.sample("ann")
    plan = RunPlan(tuple(Selection(algorithm_id) for algorithm_id in find()))
    state = finished(lab, lab.runs.start("ann", dataset.dataset_id, plan=plan))
    assert state.status == "done", state.message
    assert len(lab.runs.result(state.run_id, user_id="ann").rows) == len(find())
    assert all(lab.runs.replay(documents(lab)[0], entry) == entry["result_digest"]
               for entry in documents(lab)[0]["results"])  # fmt: skip
