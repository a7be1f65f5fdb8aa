"""Which to take, in sentences: the best by setting, the ranking beside one baseline, and what each costs where they are no rivals."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.choice import WAYS, Choice, choice
from rnnbench.analysis.fit import apart, where
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.saying import say

MOST_LOST = 3
MOST_RANKED = 3


def choosing(sweep: Sweep) -> Iterator[Markup]:
    """Which way to run the network is fastest, which keeps the least memory, and how surely."""
    phases = {phase: choice(sweep.cases[sweep.cases["phase"] == phase]) for phase in sweep.values("phase")}
    fast = {phase: found for phase, found in phases.items() if found is not None}
    if not fast:
        return
    lean = choice(sweep.cases, "activation_bytes")
    said: dict[Markup, list[str]] = {}
    for phase, found in fast.items():
        said.setdefault(_fastest(found), []).append(words.step(phase))
    told = say("To choose by time: {}.", Markup("; ").join(say("in a {}, {}", words.joined(which), what) for what, which in said.items()))
    if lean is not None and lean.clear:
        told += say(" By memory: <b>{}</b> keeps the least activations in {} of {}.", words.values(lean.best), lean.won, len(lean.wins))
    size = max(found.parameters_ratio for found in fast.values())
    sized = f"Their parameters differ up to {units.factor(size, 2)}; what" if size > 1.05 else "What"
    yield told + say(" <i>{} they learn was not measured here.</i>", sized)


def _fastest(found: Choice) -> Markup:
    """Who wins a phase, in how many settings, how clearly, and who wins the others."""
    of = f"{found.won} of {words.count(len(found.wins), 'setting')}" if len(found.wins) > 1 else "the one setting"
    if found.won * 2 <= len(found.wins) and len(found.wins) > 1:
        return say("no one way wins: <b>{}</b> is fastest most often, in {}", words.values(found.best), of)
    told = say("<b>{}</b> is fastest in {}", words.values(found.best), of)
    clear = found.clear
    told += ", clearly" if clear == found.won else f", clearly in {clear}" if clear else ", but too near to others to tell"
    lost = [f"{words.values(found.named(win.way))} at {words.values(win.setting)}" for win in found.lost]
    more = [f"others in {len(lost) - MOST_LOST} more"] if len(lost) > MOST_LOST else []
    return told + (say(" ({})", words.joined([*lost[:MOST_LOST], *more])) if lost else say(""))


def ranking(sweep: Sweep) -> Iterator[Markup]:
    """Variants by their ratio to one thing that ran in turn with each of them."""
    fine, held = _variants(sweep)
    fine = fine[fine["beside_ratio"].notna()]
    others = set(fine["beside"]) - {""}
    if sweep.x != "variant" or len(fine) <= MOST_RANKED or len(others) != 1:
        return
    fine = fine.sort_values("beside_ratio", kind="stable")
    first, last = fine.head(MOST_RANKED), fine.iloc[-1]
    least = [
        say("<b>{}</b> {}<b>{}</b>{}{}", row["variant"], "takes " if not place else "", units.factor(row["beside_ratio"]),
            " the time" if not place else "", _within(row))
        for place, (_, row) in enumerate(first.iterrows())
    ]  # fmt: skip
    sides = [
        apart(row["beside_ratio"], row["beside_ratio_low"], row["beside_ratio_high"], row["measured_processes"])
        for _, row in fine.iterrows()
    ]
    yield say("Beside {} ({}): {}; the most, {}, {}. Of {}, {} take clearly less than it and {} clearly more.",
              others.pop(), words.values(held), Markup(", ").join(least), units.factor(last["beside_ratio"]), last["variant"],
              words.count(len(fine), "variant"), sides.count(-1), sides.count(1))  # fmt: skip


def _within(row: "pd.Series[float]") -> Markup:
    known = pd.notna(row["beside_ratio_low"])
    return say(" <i>({})</i>", units.factors(row["beside_ratio_low"], row["beside_ratio_high"])) if known else say("")


def costs(sweep: Sweep) -> Iterator[Markup]:
    """What a step of each variant takes, where each has a task of its own and none can take another's place."""
    if sweep.x != "variant" or "task" not in sweep.varying:
        return
    cases, held = _variants(sweep)
    told = [say("<b>{}</b> ({})", units.show("step_time_s", row["step_time_s"]), row["variant"]) for _, row in cases.iterrows()]
    phase = words.step(str(held.pop("phase")))
    if told:
        yield say("A {}{} takes {}.", phase, f" ({words.values(held)})" if held else "", Markup(", ").join(told))


def _variants(sweep: Sweep) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One measured case of each variant, at the baseline of what is no size and no task; and what that is."""
    held = {
        axis: sweep.baseline(axis)
        for axis in dict.fromkeys(("phase", *WAYS))
        if axis != "variant" and (axis in sweep.varying or axis == "phase")
    }
    fine = where(sweep.cases, held)
    return fine[fine["status"] == "ok"].drop_duplicates("variant"), held
