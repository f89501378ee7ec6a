"""What people upload is kept under names of ours, read once, and belongs to them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConflictError, InputError, NotFoundError
from core.readings import Options
from core.readings.sample import sample_community
from core.runs.reports import Report

REPO = Path(__file__).resolve().parents[2]
DELHI = REPO.parent / "shared" / "data" / "delhi-week"


def files(households: int = 3, *, seed: int = 1) -> list[tuple[str, bytes]]:
    return sample_community(seed, households, days=1).csv_files()


def on_disk(lab) -> list[Path]:
    return sorted(path for folder in (lab.settings.uploads_dir, lab.settings.data_dir / "datasets")
                  for path in folder.iterdir())  # fmt: skip


def test_an_upload_becomes_a_dataset_with_its_report(lab) -> None:
    added = lab.datasets.add("ann", files(), name="  Elm   Street ")
    dataset = added.dataset
    assert (dataset.name, dataset.owner_id, dataset.kind) == ("Elm Street", "ann", "upload")
    assert (dataset.households, dataset.slots, dataset.slot_h) == (3, 48, 0.5)
    assert (dataset.end_at - dataset.start_at).total_seconds() == 86_400
    assert added.report.accepted
    assert added.report.digest == dataset.digest
    assert [file.name for file in added.report.files] == ["HH001.csv", "HH002.csv", "HH003.csv"]
    assert lab.datasets.get(dataset.dataset_id, user_id="ann") == dataset
    assert lab.datasets.report(dataset.dataset_id, user_id="ann") == added.report


def test_the_readings_come_back_to_the_digit(lab) -> None:
    community = sample_community(1, 3, days=1).community
    dataset = lab.datasets.add("ann", files()).dataset
    kept = lab.datasets.community(dataset.dataset_id, user_id="ann")
    assert kept.household_ids == community.household_ids
    assert np.array_equal(kept.load_kw, community.load_kw)
    assert np.array_equal(kept.solar_kw, community.solar_kw)
    assert kept.start_at == community.start_at


def test_files_are_kept_as_they_came_under_names_of_ours_for_the_owner_alone(lab) -> None:
    content = files(1)[0][1]
    wicked = "../../=cmd|' /C calc'!A0<script>.csv"
    added = lab.datasets.add("ann", [(wicked, content)])
    [path] = lab.settings.uploads_dir.iterdir()
    assert path.read_bytes() == content
    assert path.name.isalnum()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    [parquet] = (lab.settings.data_dir / "datasets").iterdir()
    assert stat.S_IMODE(parquet.stat().st_mode) == 0o600
    assert added.report.files[0].name == wicked


def test_a_file_may_be_handed_in_by_its_path(lab, tmp_path) -> None:
    name, content = files(1)[0]
    spooled = tmp_path / "spooled"
    spooled.write_bytes(content)
    dataset = lab.datasets.add("ann", [(name, spooled)]).dataset
    assert dataset.digest == lab.datasets.add("bob", [(name, content)]).dataset.digest
    assert spooled.exists()
    assert [path.read_bytes() for path in lab.settings.uploads_dir.iterdir()] == [content, content]


def test_a_dataset_takes_a_thousand_files_and_not_one_more(lab) -> None:
    many = [(f"H{number:04d}.csv", two_hours(f"H{number:04d}")) for number in range(1, 1_001)]
    dataset = lab.datasets.add("ann", many[:600]).dataset
    assert dataset.households == 600
    dataset = lab.datasets.extend(dataset.dataset_id, many[600:], user_id="ann").dataset
    assert dataset.households == 1_000
    refused = lab.datasets.extend(dataset.dataset_id, [("one more.csv", two_hours("H9999"))], user_id="ann")
    assert [issue.code for issue in refused.report.errors] == ["too_many_files"]
    assert "1,001 files" in refused.report.errors[0].message
    assert lab.datasets.get(dataset.dataset_id, user_id="ann") == dataset


def two_hours(household_id: str) -> bytes:
    rows = [f"2024-06-01 1{hour}:00:00,{household_id},1.5,{hour}.25" for hour in range(2)]
    return "\n".join(["timestamp,household_id,load_kW,solar_kW", *rows, ""]).encode()


def test_a_refused_upload_keeps_nothing_and_says_why(lab) -> None:
    broken = files(1)[0][1].replace(b"HH001,", b"HH001,x", 1)
    added = lab.datasets.add("ann", [*files(1)[:0], ("HH001.csv", broken)])
    assert added.dataset is None
    assert not added.report.accepted
    assert added.report.errors[0].line == 2
    assert on_disk(lab) == []
    assert lab.datasets.list("ann") == ()


def test_a_report_survives_being_written_down_refused_or_not(lab) -> None:
    gap = b"\n".join(line for number, line in enumerate(files(1)[0][1].splitlines()) if number not in (5, 6))
    for content in (gap, b"nothing", b""):
        report = lab.datasets.add("ann", [("HH001.csv", content)]).report
        again = Report.from_json(report.to_json())
        assert again.to_json() == report.to_json()
        assert again.issues == report.issues
        assert again.gaps == report.gaps
        json.loads(report.to_json())


def test_files_added_to_a_dataset_extend_it(lab) -> None:
    dataset = lab.datasets.add("ann", files(3)[:2], name="Street").dataset
    before = lab.datasets.community(dataset.dataset_id, user_id="ann")
    lab.now_ms += 1_000
    extended = lab.datasets.extend(dataset.dataset_id, files(3)[2:], user_id="ann").dataset
    assert extended.dataset_id == dataset.dataset_id
    assert extended.households == 3
    assert extended.digest == lab.datasets.add("bob", files(3)).dataset.digest
    assert (extended.name, extended.created_at) == (dataset.name, dataset.created_at)
    assert extended.changed_at > dataset.changed_at
    assert [file.name for file in lab.datasets.report(dataset.dataset_id, user_id="ann").files] == [
        "HH001.csv", "HH002.csv", "HH003.csv",
    ]  # fmt: skip
    assert np.array_equal(lab.datasets.readings_of(dataset.digest).load_kw, before.load_kw)


def test_an_extension_that_is_refused_leaves_the_dataset_as_it_was(lab) -> None:
    dataset = lab.datasets.add("ann", files(2)).dataset
    kept = on_disk(lab)
    added = lab.datasets.extend(dataset.dataset_id, [("HH003.csv", b"broken")], user_id="ann")
    assert added.dataset is None
    assert added.report.errors
    assert lab.datasets.get(dataset.dataset_id, user_id="ann") == dataset
    assert lab.datasets.report(dataset.dataset_id, user_id="ann").accepted
    assert on_disk(lab) == kept


def test_an_extension_is_read_with_the_options_of_the_first_upload(lab) -> None:
    options = Options(time_zone="Europe/London", pv_kw={"HH001": 4.0})
    dataset = lab.datasets.add("ann", files(2), options=options).dataset
    extended = lab.datasets.extend(dataset.dataset_id, files(3)[2:], user_id="ann").dataset
    community = lab.datasets.community(dataset.dataset_id, user_id="ann")
    assert extended.time_zone == "Europe/London"
    assert extended.start_at == dataset.start_at
    assert community.pv_kw[0] == 4.0


def test_equal_readings_have_one_digest_and_installed_pv_another(lab) -> None:
    plain = lab.datasets.add("ann", files(2)).dataset
    same = lab.datasets.add("bob", files(2)[::-1]).dataset
    roof = lab.datasets.add("ann", files(2), options=Options(pv_kw={"HH001": 4.0})).dataset
    other_roof = lab.datasets.add("ann", files(2), options=Options(pv_kw={"HH001": 5.0})).dataset
    assert plain.digest == same.digest
    assert len({plain.digest, roof.digest, other_roof.digest}) == 3
    assert lab.datasets.readings_of(other_roof.digest).pv_kw[0] == 5.0


def test_deleting_a_dataset_takes_its_files_and_keeps_readings_another_dataset_has(lab) -> None:
    mine = lab.datasets.add("ann", files(2)).dataset
    theirs = lab.datasets.add("bob", files(2)).dataset
    lab.datasets.delete(mine.dataset_id, user_id="ann")
    assert lab.datasets.list("ann") == ()
    assert len(list(lab.settings.uploads_dir.iterdir())) == 2
    assert lab.datasets.community(theirs.dataset_id, user_id="bob").households == 2
    lab.datasets.delete(theirs.dataset_id, user_id="bob")
    assert on_disk(lab) == []
    with pytest.raises(NotFoundError, match="no longer kept"):
        lab.datasets.readings_of(mine.digest)


def test_the_sample_community_is_made_once_a_user_and_is_worth_trading_in(lab) -> None:
    sample = lab.datasets.sample("ann")
    assert lab.datasets.sample("ann") == sample
    assert lab.datasets.sample("bob").dataset_id != sample.dataset_id
    assert lab.datasets.sample("bob").digest == sample.digest
    community = lab.datasets.community(sample.dataset_id, user_id="ann")
    assert np.isfinite(community.pv_kw).all()
    assert (community.solar_kw > community.load_kw).any()
    with pytest.raises(ConflictError, match="as a new dataset"):
        lab.datasets.extend(sample.dataset_id, files(1), user_id="ann")


def test_somebody_elses_dataset_is_not_there(lab) -> None:
    dataset_id = lab.datasets.add("ann", files(2)).dataset.dataset_id
    calls = [
        lambda: lab.datasets.get(dataset_id, user_id="bob"),
        lambda: lab.datasets.report(dataset_id, user_id="bob"),
        lambda: lab.datasets.community(dataset_id, user_id="bob"),
        lambda: lab.datasets.extend(dataset_id, files(1), user_id="bob"),
        lambda: lab.datasets.rename(dataset_id, "Mine", user_id="bob"),
        lambda: lab.datasets.delete(dataset_id, user_id="bob"),
        lambda: lab.datasets.share(dataset_id, user_id="bob", everybody=True),
        lambda: lab.datasets.create_link(dataset_id, user_id="bob"),
        lambda: lab.datasets.links(dataset_id, user_id="bob"),
        lambda: lab.datasets.revoke_link(dataset_id, "x", user_id="bob"),
    ]
    for call in calls:
        with pytest.raises(NotFoundError) as not_yours:
            call()
        assert str(not_yours.value) == f'There is no dataset "{dataset_id}", or it is not yours.'
    assert lab.datasets.list("bob") == ()


def test_a_dataset_shared_with_everybody_can_be_read_and_run_but_not_changed(lab) -> None:
    dataset = lab.datasets.add("ann", files(2)).dataset
    lab.datasets.share(dataset.dataset_id, user_id="ann", everybody=True)
    assert lab.datasets.get(dataset.dataset_id, user_id="bob").shared
    assert [each.dataset_id for each in lab.datasets.list("bob")] == [dataset.dataset_id]
    assert lab.start("bob", dataset)
    with pytest.raises(NotFoundError):
        lab.datasets.delete(dataset.dataset_id, user_id="bob")


def test_a_link_opens_its_dataset_until_it_is_revoked_and_is_no_link_to_a_run(lab) -> None:
    dataset = lab.datasets.add("ann", files(2)).dataset
    run_id = lab.start("ann", dataset)
    link = lab.datasets.create_link(dataset.dataset_id, user_id="ann", days=7)
    assert lab.datasets.get(dataset.dataset_id, user_id="bob", link=link.token) == dataset
    assert lab.datasets.community(dataset.dataset_id, user_id="bob", link=link.token).households == 2
    with pytest.raises(NotFoundError):
        lab.runs.state(run_id, user_id="bob", link=link.token)
    with pytest.raises(InputError, match="at most 366"):
        lab.datasets.create_link(dataset.dataset_id, user_id="ann", days=400)
    lab.datasets.revoke_link(dataset.dataset_id, link.link_id, user_id="ann")
    with pytest.raises(NotFoundError):
        lab.datasets.get(dataset.dataset_id, user_id="bob", link=link.token)


def test_a_name_is_asked_for_and_not_without_end(lab) -> None:
    dataset = lab.datasets.add("ann", files(2)).dataset
    assert dataset.name == "2 households from 2025-04-01"
    lab.datasets.rename(dataset.dataset_id, "Elm Street", user_id="ann")
    assert lab.datasets.get(dataset.dataset_id, user_id="ann").name == "Elm Street"
    for name in ("  ", "x" * 121):
        with pytest.raises(InputError):
            lab.datasets.rename(dataset.dataset_id, name, user_id="ann")


@pytest.mark.skipif(not DELHI.is_dir(), reason="the shared sample data is not here")
def test_ten_files_of_a_real_week_are_one_dataset(lab) -> None:
    dropped = [(path.name, path) for path in sorted(DELHI.glob("*.csv"))]
    dataset = lab.datasets.add("ann", dropped).dataset
    assert (dataset.households, dataset.slots, dataset.slot_h) == (10, 168, 1.0)


def test_of_two_who_extend_a_dataset_at_once_the_second_is_told(lab, monkeypatch) -> None:
    dataset = lab.datasets.add("ann", files(2)).dataset
    slow = lab.datasets._files.keep_uploads

    def meanwhile(*arguments, **named):
        monkeypatch.setattr(lab.datasets._files, "keep_uploads", slow)
        lab.now_ms += 1
        lab.datasets.extend(dataset.dataset_id, files(3)[2:], user_id="ann")
        return slow(*arguments, **named)

    monkeypatch.setattr(lab.datasets._files, "keep_uploads", meanwhile)
    with pytest.raises(ConflictError, match="was changed or deleted meanwhile"):
        lab.datasets.extend(dataset.dataset_id, files(4)[3:], user_id="ann")
    assert lab.datasets.community(dataset.dataset_id, user_id="ann").household_ids == ("HH001", "HH002", "HH003")
    assert len(list(lab.settings.uploads_dir.iterdir())) == 3


def test_every_change_of_a_dataset_is_audited(lab) -> None:
    dataset_id = lab.datasets.add("ann", files(2)).dataset.dataset_id
    lab.datasets.extend(dataset_id, files(3)[2:], user_id="ann")
    lab.datasets.share(dataset_id, user_id="ann", everybody=True)
    link = lab.datasets.create_link(dataset_id, user_id="ann")
    lab.datasets.revoke_link(dataset_id, link.link_id, user_id="ann")
    lab.datasets.share(dataset_id, user_id="ann", everybody=False)
    lab.datasets.delete(dataset_id, user_id="ann")
    assert lab.audited == [
        (f"dataset.{what}", "ann", dataset_id)
        for what in ("added", "extended", "shared", "link.made", "link.revoked", "unshared", "deleted")
    ]


def test_a_dataset_whose_audit_record_fails_is_not_kept(lab, monkeypatch) -> None:
    def fail(*_, **__) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(lab.datasets, "_audit", fail)
    with pytest.raises(OSError, match="disk full"):
        lab.datasets.add("ann", files(2))
    assert lab.datasets.list("ann") == ()
    assert list(lab.settings.uploads_dir.iterdir()) == []


def test_what_a_crash_left_half_written_is_taken_away_an_hour_later(lab) -> None:
    import os

    old, new = (lab.settings.uploads_dir / f".aside-{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    lab.restart()
    assert not old.exists()
    assert new.exists()
