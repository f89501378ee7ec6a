"""What stability finds, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from core.market.algorithms import get
from core.market.stability.bidding import Bidding


def money(value: float, currency: str) -> str:
    """An amount as a person reads it: whole from 100 on, cents below."""
    digits = 0 if abs(value) >= 100.0 else 2
    return f"{value:,.{digits}f} {currency}"


def group_in_words(names: Sequence[str], all_homes: int) -> str:
    """The homes of a group: all names up to four, else two and how many others."""
    if len(names) == all_homes:
        return f"all {all_homes} homes together" if all_homes > 1 else names[0]
    if len(names) == 1:
        return names[0]
    if len(names) <= 4:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{', '.join(names[:2])} and {len(names) - 2} others"


def leaving(names: Sequence[str], all_homes: int, *, gain: float, pays: float, currency: str) -> str:
    """Who would leave, and what it brings them."""
    of_what = "what they pay" if pays >= 0.0 else "what they earn"
    share = f" ({100.0 * gain / abs(pays):.1f} % of {of_what})" if abs(pays) > 1e-6 else ""
    words = group_in_words(names, all_homes)
    where = "among themselves" if len(names) == all_homes and all_homes > 1 else "alone"
    less = "pay" if pays >= 0.0 else "be better off by"
    amount = f"{money(gain, currency)} less" if pays >= 0.0 else money(gain, currency)
    return f"{words[0].upper()}{words[1:]} would {less} {amount} {where}{share}."


STABLE = "No group of homes does better alone."


def unfinished(gain: float, bound: float, currency: str) -> str:
    """What is known where the solver was stopped."""
    if gain <= 0.0:
        return f"No group was found that does better alone; none gains more than {money(bound, currency)}."
    return f"The search was stopped: no group gains more than {money(bound, currency)}."


def bidding(found: Bidding, ids: Sequence[str], currency: str) -> str:
    """Who gains most by an untrue bid, and where everybody's best responses lead."""
    name = get(found.algorithm_id).name
    if found.strategy_proof:
        return f"{name}: nobody gains; the truth is a best response for all {len(ids)} homes."
    most = int(found.regret.argmax())
    text = f"{name}: {ids[most]} gains most, {money(float(found.regret[most]), currency)}"
    text += f"; {int((found.regret > 0.0).sum())} of {len(ids)} homes gain something."
    run = found.responses
    if run is None:
        return text
    endings = {
        "fixed point": f"Best responses come to rest after {run.rounds} rounds",
        "cycle": f"Best responses go round in a cycle of {run.cycle} rounds",
        "no end": f"Best responses find no rest in {run.rounds} rounds",
    }
    return f"{text} {endings[run.ending]}, with {100.0 * run.traded_share:.0f} % of the energy traded in truth."


def not_defined_under(rulebook: str) -> str:
    """Why a study of bills under a rulebook has no answer."""
    return (
        f'Under the rulebook "{rulebook[:80]}" what a group of homes would pay alone is not defined: bills depend on'
        " months, slabs, classes or keys, not on two prices a slot alone. Compare at two prices without a rulebook to"
        " see who would leave."
    )
