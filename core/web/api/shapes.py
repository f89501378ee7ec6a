"""What comes in and goes out as JSON, as the API's description shows it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

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


class RunRequest(_Input):
    """A comparison to carry out."""

    dataset_id: Id
    algorithms: list[AlgorithmChoice] = Field(min_length=1, max_length=50)
    scenarios: list[ScenarioChoice] = Field(default_factory=lambda: [ScenarioChoice()], min_length=1, max_length=50)
    name: Text = ""
    tags: list[Annotated[str, Field(max_length=40)]] = Field(default_factory=list, max_length=10)


class VerifyRequest(_Input):
    """How much to recompute: 1 hashes and structure; higher levels as `python -m core verify` describes them."""

    level: int = Field(default=1, ge=1, le=3)


class Started(BaseModel):
    """The id to ask for progress."""

    run_id: str


class Verified(BaseModel):
    """What a verification found."""

    ok: bool
    height: int
    level: int
    offset: int | None
    seconds: float
    sentence: str


class Anything(BaseModel):
    """An object whose fields are the service's own; see docs/api.md."""

    model_config = ConfigDict(extra="allow")


class Page(BaseModel):
    """A part of a list. `next` is handed back as `before` (or `after`) for what follows; null at the end."""

    items: list[dict[str, Any]]
    next: int | str | None
