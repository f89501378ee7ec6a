"""The group of homes that gains most by leaving: one mixed-integer programme over all groups at once.

max over S of Σ_S bill - C*(S). With z the group's members (N binaries) C*(S) is convex and piecewise linear in z: the
programme is max Σ (bill - linear)·z - Σ_k θ_k with θ_k >= Σ_{t in k} ±swing_t·z for every choice of signs. Slots are
taken together in at most `PARTS` parts and the choices are generated as they are needed: first for the relaxed
programme, then for whole groups, until the bound of the solver meets a group found. That is exact for any horizon.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from core.errors import MarketError
from core.market.community import BoolArray, FloatArray, IntArray
from core.market.stability.game import Game
from core.market.stability.shapley import costs_of_all_groups

COUNTED_HOMES, COUNTED_WORK = 20, 4e8
"""Homes with energy, and groups times slots, to which looking at every group is quicker than a proof by the solver."""
PARTS = 24
"""Parts that the slots are taken together in: fewer need more rounds, more make every round longer."""
TIME_LIMIT_S = 60.0
MONEY_TOLERANCE = 1e-6
ROUNDING = 1e-9
"""Of the sum of all bills: what counts as nothing beside it."""
CLOSE = 1e-9
"""Gap, in parts of the largest coefficient, at which a programme is solved."""
RELAXED = 1e-5
"""The same for the relaxed programme, which only has to come near."""
BESIDE = 12
"""Groups one move from a good one whose cuts are added beforehand."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocking:
    """The group that gains most by leaving.

    members: `[household]`; nobody where no group gains. gain: what it saves by that, currency, computed from the
    bills and not by the solver. bound: no group gains more than this. exact: bound and gain agree.
    """

    members: BoolArray
    gain: float
    bound: float
    exact: bool

    @property
    def solver_gap(self) -> float:
        """What is left between the best group found and the bound, currency."""
        return max(0.0, self.bound - self.gain)


def tolerance_of(bills: FloatArray) -> float:
    """The largest gain that is rounding and not a reason to leave, currency."""
    return max(MONEY_TOLERANCE, ROUNDING * float(np.abs(bills).sum()))


def most_blocking(
    game: Game,
    bills: FloatArray,
    *,
    time_limit_s: float = TIME_LIMIT_S,
    cancelled: Callable[[], bool] = lambda: False,
) -> Blocking:
    """The group with the largest gain under these bills `[household]`; the empty one where nobody gains.

    Ends early, with the bound of the solver, at the time limit or when cancelled.
    """
    active = np.flatnonzero(~game.idle)
    if active.size <= COUNTED_HOMES and 2.0**active.size * game.swing.shape[1] <= COUNTED_WORK:
        found: Blocking | None = _counted(game, bills, active)
    else:
        found = Search(game).best(bills, time_limit_s=time_limit_s, cancelled=cancelled)
    assert found is not None
    near = tolerance_of(bills)
    if found.gain <= near:
        bound = found.bound if found.bound > near else 0.0
        return Blocking(np.zeros(game.households, dtype=bool), 0.0, bound, bound == 0.0)
    return Blocking(found.members, found.gain, max(found.bound, found.gain), found.bound - found.gain <= near)


def _counted(game: Game, bills: FloatArray, active: IntArray) -> Blocking:
    """The best of all groups by looking at each: a home without energy in slots that count joins where it gains."""
    weights = bills - game.linear
    sums = np.zeros(1)
    for home in active:
        sums = np.concatenate([sums, sums + weights[home]])
    place = int(np.argmax(sums - _costs(game)))
    members = game.idle & (weights > 0.0)
    members[active] = (place >> np.arange(active.size)) & 1 == 1
    gain = float(bills @ members) - game.cost(members.astype(np.float64))
    return Blocking(members, gain, gain, True)


@lru_cache(maxsize=2)
def _costs(game: Game) -> FloatArray:
    """What slots add to the cost of each group of homes with energy, `[2^homes]`: the same for all bills."""
    return costs_of_all_groups(game.swing[~game.idle])


@dataclass(slots=True)
class _Best:
    gain: float
    members: FloatArray
    bound: float = float("inf")


class Search:
    """One solver for many bills: the cuts describe the game alone and are kept from call to call."""

    def __init__(self, game: Game) -> None:
        total = game.swing.sum(axis=0)
        size = np.abs(game.swing).sum(axis=0)
        self._order = np.argsort(np.divide(total, size, out=np.zeros_like(total), where=size > 0.0), kind="stable")
        self._game = game
        self._swing = np.ascontiguousarray(game.swing[:, self._order])
        slots = self._swing.shape[1]
        ends = np.linspace(0, slots, min(PARTS, slots) + 1).astype(np.int64)
        self._starts = ends[:-1]
        self._scale = max(float(np.abs(self._swing).sum(axis=1).max(initial=0.0)), 1e-9)
        self._solver = self._new_solver()
        for signs in (np.ones(slots), -np.ones(slots), np.where(self._swing.sum(axis=0) < 0.0, -1.0, 1.0)):
            self._cut(self._slopes(signs), np.arange(self._starts.size))

    def best(
        self,
        bills: FloatArray,
        *,
        apart: FloatArray | None = None,
        time_limit_s: float = TIME_LIMIT_S,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Blocking | None:
        """The best group under these bills. apart: weights `[household]` that must add up to 1 or more in the group;
        None where no group fits them."""
        until = time.monotonic() + time_limit_s
        weights = (bills - self._game.linear) / self._scale
        if not self._starts.size and apart is None:
            members = weights > 0.0
            gain = float(weights[members].sum()) * self._scale
            return Blocking(members, gain, gain, True)
        homes = self._game.households
        columns = np.arange(homes, dtype=np.int32)
        self._solver.changeColsCost(homes, columns, -weights)
        row = self._solver.getNumRow()
        if apart is not None:
            used = np.flatnonzero(apart).astype(np.int32)
            self._solver.addRow(1.0, np.inf, used.size, used, apart[used])
        try:
            return self._answer(bills, self._solve(weights, until, cancelled, apart))
        finally:
            self._whole(False)
            if apart is not None:
                self._solver.deleteRows(1, np.array([row], dtype=np.int32))

    def _answer(self, bills: FloatArray, best: _Best | None) -> Blocking | None:
        if best is None:
            return None
        gain = float(bills @ best.members) - self._game.cost(best.members)
        bound = max(best.bound * self._scale, gain)
        return Blocking(best.members > 0.5, gain, bound, bound - gain <= tolerance_of(bills))

    def _solve(
        self, weights: FloatArray, until: float, cancelled: Callable[[], bool], apart: FloatArray | None
    ) -> _Best | None:
        """Relaxed until nothing is missed, then with whole homes; each time with the cuts missed the time before."""
        homes = self._game.households
        best: _Best | None = _Best(0.0, np.zeros(homes)) if apart is None else None
        bound, whole, seen = np.inf, False, set[bytes]()
        while True:
            state = self._run(until)
            if state is None:  # no group fits
                return best
            values, reached = state
            bound = min(bound, reached)
            if values is None or time.monotonic() >= until or cancelled():
                break
            group = (values[:homes] > 0.5).astype(np.float64)
            best = self._better(best, weights, group, apart)
            if best is not None and bound - best.gain <= CLOSE:
                break
            if whole:
                if group.tobytes() in seen or not self._sharpen(group, values[homes:], CLOSE):
                    break
                seen.add(group.tobytes())
            elif not self._sharpen(values[:homes], values[homes:], RELAXED):
                whole = True
                self._whole(True)
                for near in self._climb(weights, group):
                    best = self._better(best, weights, near, apart)
                    self._cut(self._slopes(np.where(near @ self._swing < 0.0, -1.0, 1.0)), range(self._starts.size))
        if best is not None:
            best.bound = max(bound, best.gain)
        return best

    def _better(
        self, best: _Best | None, weights: FloatArray, group: FloatArray, apart: FloatArray | None
    ) -> _Best | None:
        """The group if it fits and gains more than the best one."""
        if apart is not None and apart @ group <= 0.5:
            return best
        gain = float(weights @ group) - float(np.abs(group @ self._swing).sum()) / self._scale
        return _Best(gain, group) if best is None or gain > best.gain else best

    def _sharpen(self, point: FloatArray, parts: FloatArray, near: float) -> int:
        """Add the cuts that the programme misses by more than `near` at this point; how many."""
        slopes = self._slopes(np.where(point @ self._swing < 0.0, -1.0, 1.0))
        missed = np.flatnonzero(point @ slopes > parts + near)
        self._cut(slopes, missed)
        return int(missed.size)

    def _climb(self, weights: FloatArray, group: FloatArray) -> list[FloatArray]:
        """The group reached by moving one home at a time while that gains, and the best ones one move from it: their
        cuts save the programme from finding each in a search of its own."""
        while True:
            total, turn = group @ self._swing, 1.0 - 2.0 * group
            cost = np.abs(total + turn[:, None] * self._swing).sum(axis=1) - np.abs(total).sum()
            step = weights * turn - cost / self._scale
            beside = [np.abs(group - np.eye(group.size)[home]) for home in np.argsort(-step, kind="stable")[:BESIDE]]
            if step.max() <= CLOSE:
                return [group, *beside]
            group = beside[0]

    def _slopes(self, signs: FloatArray) -> FloatArray:
        """Σ of signed swings over each part's slots, `[household, part]`, scaled."""
        slopes: FloatArray = np.add.reduceat(self._swing * signs, self._starts, axis=1) / self._scale
        return slopes

    def _new_solver(self) -> Any:
        import highspy

        # The solver without the modelling layer above it, which writes a banner to standard output.
        solver = highspy._Highs()  # type: ignore[attr-defined]
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.setOptionValue("mip_rel_gap", 0.0)
        solver.setOptionValue("mip_abs_gap", CLOSE)
        solver.setOptionValue("mip_feasibility_tolerance", CLOSE)
        solver.setOptionValue("primal_feasibility_tolerance", CLOSE)
        none = np.zeros(0, dtype=np.int32)
        for _ in range(self._game.households):
            solver.addCol(0.0, 0.0, 1.0, 0, none, np.zeros(0))
        for _ in range(self._starts.size):
            solver.addCol(1.0, -highspy.kHighsInf, highspy.kHighsInf, 0, none, np.zeros(0))
        return solver

    def _cut(self, slopes: FloatArray, parts: Any) -> None:
        homes = self._game.households
        for part in parts:
            used = np.flatnonzero(slopes[:, part])
            columns = np.append(used, homes + part).astype(np.int32)
            self._solver.addRow(-np.inf, 0.0, columns.size, columns, np.append(slopes[used, part], -1.0))

    def _whole(self, whole: bool) -> None:
        import highspy

        kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
        for home in range(self._game.households):
            self._solver.changeColIntegrality(home, kind)

    def _run(self, until: float) -> tuple[FloatArray | None, float] | None:
        """Values of the columns (None without any) and the bound on the gain; None where nothing fits."""
        import highspy

        solver = self._solver
        solver.setOptionValue("time_limit", solver.getRunTime() + max(0.05, until - time.monotonic()))
        solver.run()
        status, info = solver.getModelStatus(), solver.getInfo()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        whole = info.mip_node_count >= 0
        if status == highspy.HighsModelStatus.kOptimal:
            return np.asarray(solver.getSolution().col_value), -(
                info.mip_dual_bound if whole else info.objective_function_value
            )
        if status == highspy.HighsModelStatus.kTimeLimit:
            there = info.primal_solution_status == int(highspy.SolutionStatus.kSolutionStatusFeasible)
            values = np.asarray(solver.getSolution().col_value) if there and whole else None
            return values, -info.mip_dual_bound if whole else np.inf
        raise MarketError(f"The group that gains most was not found: HiGHS says {solver.modelStatusToString(status)}.")
