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


def mine(bench: Bench) -> None:
    """What mining does to the pool."""
    rows_ = bench.pool.pending(100)
    with bench.store.begin() as connection:
        bench.pool.mined(connection, [row.body for row in rows_], 1)


@pytest.mark.parametrize("where", ["batch", "pending", "mined"])
@pytest.mark.parametrize(
    "changes",
    [{"price": 1.0}, {"qty_kwh": 3.6}, {"buyer": "HH009"}, {"seller": "HH009"}, {"slot": "2026-01-05T10:15:00Z"}],
)
def test_a_used_id_with_other_terms_is_quarantined_wherever_the_first_is_also_after_a_restart(
    bench: Bench, intake: Intake, where: str, changes: dict[str, object]
) -> None:
    first, other = (arrived(n, payload=trade_payload(id="t-1", **more)) for n, more in ((1, {}), (2, changes)))
    again = arrived(3, payload=trade_payload(id="t-1", timestamp="2026-01-05T10:20:00Z"))
    if where == "batch":
        counts = intake.store([first, other, again]).counts
    else:
        intake.store([first])
        if where == "mined":
            mine(bench)
        counts = intake_of(bench).store([other, again]).counts
    assert (counts.quarantined, counts.duplicates) == (1, 1)
    assert bench.quarantine.totals() == {"id_reused": 1}


def test_terms_of_trades_mined_before_they_were_kept_are_learned_from_their_lines(bench: Bench, intake: Intake) -> None:
    intake.store([arrived(1, payload=trade_payload(id="t-1"))])
    lines = [row.body for row in bench.pool.pending(1)]
    mine(bench)
    with bench.store.begin() as connection:
        connection.exec_driver_sql("update seen set terms = null")
    other = arrived(2, payload=trade_payload(id="t-1", price=1))
    assert bench.pool.lacks_terms()
    assert intake.store([other]).counts.duplicates == 1  # what is not known is not held against anybody
    with bench.store.begin() as connection:
        bench.pool.learn_terms(connection, lines)
    assert not bench.pool.lacks_terms()
    assert intake.store([other]).counts.quarantined == 1


def test_a_publisher_with_a_topic_of_its_own_has_ids_that_nobody_else_uses_up(bench: Bench, intake: Intake) -> None:
    def own(payload: bytes) -> Arrived:
        return Arrived(f"{TOPIC}/roof7", payload, packet_id=9)

    thief = arrived(1, payload=trade_payload(id="t-1", publisher="roof7", price=1))
    counts = intake.store([thief, own(trade_payload(id="t-1")), own(trade_payload(id="t-1", publisher="roof7"))]).counts
    assert (counts.trades, counts.duplicates, counts.quarantined) == (2, 1, 0)
    assert [document["publisher"] for document in bench.documents()] == ["roof7", "/roof7"]


@pytest.mark.parametrize(
    ("topic", "publisher", "code"),
    [
        (f"{TOPIC}/roof7", "roof8", "bad_publisher"),
        (TOPIC, "meters", "bad_publisher"),
        (f"{TOPIC}/roof 7", "", "bad_id"),
        (f"{TOPIC}/", "", "unexpected_topic"),
        (TOPIC, "/roof7", "bad_id"),
    ],
)
def test_nobody_publishes_in_the_name_of_another(
    bench: Bench, intake: Intake, topic: str, publisher: str, code: str
) -> None:
    changes = {"publisher": publisher} if publisher else {}
    intake.store([Arrived(topic, trade_payload(id="t-1", **changes), packet_id=1)])
    assert bench.quarantine.totals() == {code: 1}
