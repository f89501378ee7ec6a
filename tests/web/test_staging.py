"""Files on their way to a dataset, and how much of the disk one user may take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from core.web.api import staging
from tests.web.conftest import House

ROWS = "".join(f"2026-03-01 {hour:02d}:00,HH001,1\n" for hour in range(24))
FILE = {"files": ("HH001.csv", f"timestamp,household_id,load_kw\n{ROWS}".encode())}


def taken(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".name")


def test_staging_again_and_again_fills_no_disk(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "BATCH_BYTES", 2_000)
    client = house.client(house.person("anna", "analyst"))
    folder = house.exchange.settings.data_dir / "staged"
    for number in range(30):
        answer = client.post(f"/api/staged/{number:016x}?first=1", files=FILE)
        assert answer.status_code == 200, answer.text
        assert taken(folder) <= 2_000
    statuses = [client.post(f"/api/staged/{1:016x}?first={first}", files=FILE).status_code for first in range(5)]
    assert statuses == [200, 200, 200, 413, 413]
    assert taken(folder) <= 2_000


def test_a_users_datasets_have_a_quota(house: House) -> None:
    anna = house.person("anna", "analyst")
    client = house.client(anna)
    house.exchange.datasets._quota_bytes = 1_500
    assert client.post("/upload", files=FILE).status_code == 201
    refused = client.post("/upload", files={"files": ("HH002.csv", FILE["files"][1].replace(b"HH001", b"HH002"))})
    assert refused.status_code in (201, 413)
    while refused.status_code == 201:
        refused = client.post("/upload", files=FILE)
    assert refused.json()["error"]["fix"] == "Delete a dataset that you no longer need."
    kept = house.exchange.datasets.list(anna.user_id)
    assert client.request("DELETE", f"/api/datasets/{kept[0].dataset_id}").status_code == 204
    assert client.post("/upload", files=FILE).status_code == 201
    assert replace(house.exchange.settings, user_quota_gb=0.5).user_quota_bytes == 500_000_000
