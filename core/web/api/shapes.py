"""What comes in and goes out as JSON, as the API's description shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from core.chain.records import BlockSummary, ChainStatus, MinedBlock
from core.live.snapshot import FeedSnapshot
from core.readings import FileReport, Issue
from core.runs import Dataset, RunState
from core.runs.reports import Report
from core.runs.results import RowVerdict

HASH = r"^[0-9a-f]{64}$"
Text = Annotated[str, Field(max_length=120)]
Id = Annotated[str, Field(min_length=1, max_length=64)]
Value = bool | int | float | Annotated[str, Field(max_length=200)]


class Error(BaseModel):
    """What went wrong, for programs (`code`) and people, and what to do."""

    code: str
    message: str
    fix: str


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: Error


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AlgorithmChoice(_Input):
    """An algorithm by id, with the parameters in which it differs from its defaults."""

    id: Id
    parameters: dict[Id, Value] = Field(default_factory=dict, max_length=50)


class TariffHours(_Input):
    """Prices that hold from one minute of the local day until before another, over midnight if start > end."""

    start_minute: int = Field(ge=0, le=1440)
    end_minute: int = Field(ge=0, le=1440)
    retail_price: float = Field(description="currency/kWh")
    feed_in_price: float = Field(description="currency/kWh")
    days: list[int] = Field(default=[0, 1, 2, 3, 4, 5, 6], max_length=7, description="0 Monday to 6 Sunday")
    months: list[int] = Field(default=[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], max_length=12)


class ScenarioChoice(_Input):
    """One grid tariff, and parameters laid over those of every algorithm that knows them."""

    name: Annotated[str, Field(min_length=1, max_length=120)] = "Scenario 1"
    retail_price: float = Field(default=7.0, description="currency/kWh")
    feed_in_price: float = Field(default=3.0, description="currency/kWh")
    periods: list[TariffHours] = Field(default_factory=list, max_length=20)
    parameters: dict[Id, Value] = Field(default_factory=dict, max_length=50)
    rulebook: Annotated[str, Field(max_length=100)] | dict[str, Any] | None = Field(
        default=None,
        description="Rules of a place: the name of one that comes with the lab, or a rulebook as docs/rulebooks.md has"
        ' it. The two prices then are what its series "input" stand for.',
    )
    homes: dict[Id, dict[str, str | float]] = Field(
        default_factory=dict,
        max_length=1000,
        description="Under a rulebook, by household: class, sanctioned_kw, credit_kwh.",
    )


class RunRequest(_Input):
    """A comparison to carry out."""

    dataset_id: Id
    algorithms: list[AlgorithmChoice] = Field(min_length=1, max_length=50)
    scenarios: list[ScenarioChoice] = Field(default_factory=lambda: [ScenarioChoice()], min_length=1, max_length=50)
    name: Text = ""
    tags: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=10)
    figures_on_ledger: bool = Field(
        default=True,
        description="On: everybody who reads the ledger can read figures, parameters and tariffs, for ever. Off: the "
        "ledger has a salted commitment, which the owner's receipt opens.",
    )


class VerifyRequest(_Input):
    """How much to recompute: 1 hashes and structure; higher levels as `python -m core verify` describes them."""

    level: int = Field(default=1, ge=1, le=3)


class Started(BaseModel):
    """The id to ask for progress."""

    run_id: str


Item = TypeVar("Item")
Number = float | None
"""Null where a figure is not defined."""


class Page(BaseModel, Generic[Item]):
    """A part of a list. `next` is handed back as `before` (or `after`) for what follows; null at the end."""

    items: list[Item]
    next: int | str | None


def like(record: type, name: str, **instead: Any) -> type[BaseModel]:
    """A record of a service as an answer shows it: its fields, but for those that have another form in JSON."""
    fields = {field: (kind, ...) for field, kind in get_type_hints(record).items()}
    changed = {field: (kind, ...) for field, kind in instead.items()}
    made: type[BaseModel] = create_model(name, __doc__=record.__doc__, **(fields | changed))  # type: ignore[call-overload]
    return made


class Me(BaseModel):
    """Whose session or token this is."""

    user_id: str
    username: str
    role: str


class PendingSummary(BaseModel):
    """How many transactions wait for a block, and since when the first of them does."""

    transactions: int
    oldest_at_ms: int | None


class Dashboard(BaseModel):
    """Chain, latest blocks, pending pool and feed at one moment."""

    chain: ChainStatus
    blocks: list[BlockSummary]
    pending: PendingSummary
    feed: FeedSnapshot


class Mined(BaseModel):
    """The block that was made, null when nothing was pending, and a sentence."""

    block: MinedBlock | None
    sentence: str


class Receipt(BaseModel):
    """A proof that a transaction is in the signed log; docs/ledger.md says how it is checked."""

    transaction: dict[str, Any]
    index: int
    tx_path: str
    header: dict[str, Any]
    log_path: str
    origin: str
    key: str
    signature: str


class Opening(BaseModel):
    """What opens the commitment of a private run: the salt, hex, and the whole run."""

    salt: str
    transaction: dict[str, Any]


class RunReceipt(Receipt):
    """The receipt of a run; `opening` only for one whose figures are not on the ledger."""

    opening: Opening | None = None


class ParameterAnswer(BaseModel):
    """One setting of an algorithm."""

    name: str
    default: Value
    unit: str
    help: str


class AlgorithmAnswer(BaseModel):
    """What can be compared."""

    id: str
    name: str
    promise: str
    parameters: list[ParameterAnswer]


class PlannedAlgorithm(BaseModel):
    """An algorithm of a plan, with the parameters in which it differs from its defaults."""

    algorithm_id: str
    parameters: dict[str, Value]


class PlannedScenario(BaseModel):
    """A scenario of a plan."""

    name: str
    tariff: dict[str, Any]
    parameters: dict[str, Value]


class Plan(BaseModel):
    """What a run was asked to compare."""

    selections: list[PlannedAlgorithm]
    scenarios: list[PlannedScenario]


RunAnswer = like(RunState, "Run", plan=Plan)
VerdictAnswer = like(RowVerdict, "Invariant", worst=Number)
FileAnswer = like(FileReport, "FileReport", slot_h=Number)
_files = list[FileAnswer]  # type: ignore[valid-type]
ReportAnswer = like(Report, "Report", files=_files, slot_h=Number, load_kwh=Number, solar_kwh=Number)


class RowAnswer(BaseModel):
    """What one algorithm made of one scenario; a figure that is not defined is null."""

    scenario: str
    algorithm_id: str
    name: str
    parameters: dict[str, Value]
    figures: dict[str, Number]
    source_digest: str
    result_digest: str
    seconds: Number
    invariants: list[VerdictAnswer]  # type: ignore[valid-type]


class ResultAnswer(BaseModel):
    """What a finished run found."""

    dataset_digest: str
    result_digest: str
    household_ids: list[str]
    start_at: datetime
    slot_h: float
    slots: int
    time_zone: str
    findings: list[Issue]
    assumptions: list[str]
    rows: list[RowAnswer]


class FigureRow(BaseModel):
    """The figures of one algorithm in one scenario; one that is not defined is null."""

    scenario: str
    algorithm_id: str
    figures: dict[str, Number]


class FigureTable(BaseModel):
    """Every figure that any row has, and the rows."""

    names: list[str]
    rows: list[FigureRow]


class Uploaded(BaseModel):
    """The dataset that the files became, and how they were read."""

    dataset: Dataset
    report: ReportAnswer  # type: ignore[valid-type]


class Staged(BaseModel):
    """How many files of a batch were kept."""

    files: int


class RefusedUpload(ErrorAnswer):
    """Why the files were refused: the first finding as the error, and the report with all of them."""

    report: ReportAnswer | None = None  # type: ignore[valid-type]


class OrderAnswer(BaseModel):
    """What one household has or needs in a slot; price null where the algorithm takes no orders."""

    household_id: str
    side: str
    quantity_kwh: float
    filled_kwh: float
    price: Number
    paid_price: Number
    why: str


class TradeAnswer(BaseModel):
    """What one household sold to another; price null where trades have none of their own."""

    seller_id: str
    buyer_id: str
    energy_kwh: float
    price: Number


class SlotBookAnswer(BaseModel):
    """One slot under one algorithm: asks rising, then bids falling."""

    name: str
    traded_kwh: float
    price: Number
    retail_price: float
    feed_in_price: float
    orders: list[OrderAnswer]
    trades: list[TradeAnswer]


class SlotAnswer(BaseModel):
    """One slot of a run under each algorithm asked for."""

    slot: int
    start_at: datetime
    scenario: str
    algorithms: dict[str, SlotBookAnswer]


class StabilityAnswer(BaseModel):
    """How far the question is, and its answer in the form of `python -m core stability --json`."""

    state: str
    done: int
    of: int
    message: str
    answer: dict[str, Any] | None
