"""What makes two messages the same trade, and what a batch leaves behind when it fails."""

from __future__ import annotations

import pytest

from core.live.intake import Arrived, Intake
from core.live.publishers import Publishers
from core.store import feed as rows
from core.store.feed import MAX_PUBLISHERS, FeedStore
from core.store.meters import Meters
from core.store.quarantine import MAX_PAYLOAD, Quarantine, Refused
from tests.live.support import TOPIC, Bench, trade_payload


@pytest.fixture
def intake(bench: Bench) -> Intake:
    return intake_of(bench)


def intake_of(bench: Bench, now_ms: int = 1_767_614_400_000) -> Intake:
    return Intake(
        bench.settings, bench.pool, quarantine=bench.quarantine, meters=Meters(bench.store), clock=lambda: now_ms
    )


def arrived(packet_id: int, *, dup: bool = False, payload: bytes | None = None) -> Arrived:
    return Arrived(TOPIC, payload or trade_payload(), packet_id=packet_id, redelivered=dup)


def test_the_same_payload_published_twice_is_two_trades_told_apart_by_a_sequence(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1), arrived(2)])
    intake.store([arrived(3)])
    assert [document["sequence"] for document in bench.documents()] == [0, 1, 2]
    assert len({document["received_at_ms"] for document in bench.documents()}) == 1


def test_the_sequence_goes_on_after_a_restart(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1)])
    intake_of(bench).store([arrived(2)])
    assert [document["sequence"] for document in bench.documents()] == [0, 1]


def test_a_redelivered_message_is_the_same_trade_also_after_a_restart(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1)])
    counts = intake_of(bench, 1_767_614_499_000).store([arrived(1, dup=True)]).counts
    assert (counts.trades, counts.duplicates) == (0, 1)
    assert bench.pool.pending_count() == 1


def test_a_message_marked_redelivered_that_never_arrived_before_is_a_new_trade(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1)])
    intake.store([arrived(2, dup=True), arrived(1, dup=True, payload=trade_payload(price=5))])
    assert bench.pool.pending_count() == 3


def test_a_packet_id_that_is_used_again_is_a_new_trade(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1)])
    intake.store([arrived(1)])
    intake.store([arrived(1, dup=True)])
    assert bench.pool.pending_count() == 2


def test_packet_ids_of_a_former_session_say_nothing_about_the_present_one(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1)])
    intake.new_session()
    intake.store([arrived(1, dup=True)])  # first sent on a connection that broke before it arrived
    assert bench.pool.pending_count() == 2
    intake_of(bench).store([arrived(1, dup=True)])
    assert bench.pool.pending_count() == 2


def test_a_batch_that_fails_leaves_nothing_behind_and_comes_again(
    bench: Bench, intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = [
        arrived(1),
        Arrived(TOPIC, b"nonsense", packet_id=2),
        arrived(3, payload=trade_payload(id="t-1", publisher="roof", seq=1)),
    ]

    def full(*_: object) -> None:
        raise rows.OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(FeedStore, "save_session", full)
    with pytest.raises(rows.UNAVAILABLE):
        intake.store(batch)
    assert bench.documents() == []
    assert bench.quarantine.totals() == {}
    assert FeedStore(bench.store).publishers() == []
    monkeypatch.undo()
    again = [Arrived(one.topic, one.payload, packet_id=one.packet_id, redelivered=True) for one in batch]
    counts = intake.store(again).counts
    assert (counts.trades, counts.quarantined) == (2, 1)
    assert [publisher.messages for publisher in FeedStore(bench.store).publishers()] == [1]


def test_a_name_without_a_zone_reads_times_in_the_labs_zone(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1, payload=trade_payload(timestamp="2026-01-05T15:45:00"))])
    assert bench.documents()[0]["traded_at_ms"] == 1_767_608_100_000  # Asia/Kolkata


def test_only_the_publishers_heard_last_are_kept() -> None:
    known = Publishers()
    for number in range(MAX_PUBLISHERS + 10):
        draft = known.begin(number)
        draft.note(f"p{number}", None)
        known.adopt(draft)
        assert len(draft.forgotten()) <= 1
    draft = known.begin(10**6)
    draft.note("p0", 5)  # forgotten, so it begins anew
    (again,) = draft.changed()
    assert (again.messages, again.gaps) == (1, 0)


def test_a_lower_number_begins_a_new_count_and_is_no_gap() -> None:
    draft = Publishers().begin(1)
    for seq in (7, 8, 0, 1, 3):
        draft.note("roof", seq)
    (roof,) = draft.changed()
    assert (roof.gaps, roof.missing, roof.last_seq) == (1, 1, 3)
    assert [(gap.first_seq, gap.last_seq) for gap in draft.gaps] == [(2, 2)]


def test_the_quarantine_counts_the_same_payload_and_cuts_a_long_one(bench: Bench) -> None:
    quarantine = bench.quarantine
    for at_ms in (5, 7, 9):
        with bench.store.begin() as connection:
            quarantine.insert(connection, [Refused("not_json", "why", TOPIC, b"x" * 20_000, at_ms)] * 2)
    (row,) = quarantine.newest()
    assert (row.count, row.first_at_ms, row.last_at_ms) == (6, 5, 9)
    assert (len(row.payload), row.payload_bytes) == (MAX_PAYLOAD, 20_000)
    assert quarantine.totals() == {"not_json": 6}


def test_the_quarantine_finds_what_mentions_a_name_and_keeps_odd_text(bench: Bench) -> None:
    with bench.store.begin() as connection:
        bench.quarantine.insert(
            connection,
            [
                Refused("bad_id", "lone \ud800 and \0", "a/\0/b", b'{"buyer": "HH 7"}', 1),
                Refused("not_json", "why", TOPIC, b"\x00\xff", 2),
            ],
        )
    (row,) = bench.quarantine.mentioning("HH 7")
    assert (row.reason, row.topic) == ("lone ? and \\0", "a/\\0/b")
    assert bench.quarantine.mentioning("HH 8") == []


def test_the_quarantine_lets_the_longest_unseen_go(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.quarantine.MAX_ROWS", 100)
    quarantine = Quarantine(bench.store)
    for at_ms in range(12):
        refused = [Refused("not_json", "why", TOPIC, b"%d-%d" % (at_ms, number), at_ms) for number in range(50)]
        with bench.store.begin() as connection:
            quarantine.insert(connection, refused)
    kept = {row.last_at_ms for row in quarantine.newest(1_000)}
    assert max(kept) == 11
    assert min(kept) >= 9
