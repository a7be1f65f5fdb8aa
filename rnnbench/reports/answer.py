"""The answer in sentences made from the data. Each names its evidence; what the data cannot carry is not said."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.growth import Growth, growth, rises
from rnnbench.analysis.sweep import Sweep
from rnnbench.case import AXES
from rnnbench.reports import words
from rnnbench.reports.choosing import choosing, costs, ranking
from rnnbench.reports.contrasts import contrasts
from rnnbench.reports.crossings import crossing_sentences
from rnnbench.reports.efficiency import sharing_sentences
from rnnbench.reports.ledges import sentences
from rnnbench.reports.saying import say

SMALLEST_STEP = 1.5  # of x, from which on it may be told as a doubling
NOISY = 0.1
_ENDS = {
    "oom": "ran out of memory",
    "timeout": "took longer than allowed and {was} ended",
    "crashed": "crashed",
    "unsupported": "cannot be done here",
    "diverged": "diverged",
    "failed": "raised an error",
    "lost": "{was} lost with the machine, twice",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement, as HTML whose data is escaped, and where on the page its evidence stands."""

    html: Markup
    evidence: str
    kind: str = "finding"

    @property
    def text(self) -> str:
        """Without the markup."""
        return self.html.striptags()


def answer(sweep: Sweep) -> list[Sentence]:
    """The findings of a suite, the headline first, then what went wrong."""
    if not (sweep.cases["status"] == "ok").any():
        return [Sentence(say("No case of this suite was measured."), "cases"), *failures(sweep)]
    ranked = [Sentence(one, f"{sweep.key}-beside") for one in ranking(sweep)]
    turns = ranked or list(_beside(sweep))
    chosen = [Sentence(one, "cases") for one in choosing(sweep) if not ranked]
    grown, apart = list(_growth(sweep)) if sweep.numeric else [], [Sentence(*one) for one in contrasts(sweep)]
    main = [*grown, *chosen, *apart] if grown else [*apart[:1], *chosen, *apart[1:]]
    main = [*turns, *main] if sweep.metric != "step_time_s" else [*main, *turns]
    main = [*(Sentence(one, f"{sweep.key}-scaling") for one in costs(sweep)), *main]
    crossed = crossing_sentences(sweep, _context(sweep, {"variant": None} if sweep.hue == "variant" else {})) if sweep.families else ()
    main = [*(Sentence(one, f"{sweep.key}-crossing") for one in crossed), *main]
    main = [*(Sentence(one, f"{sweep.key}-cliffs") for one in sentences(sweep)), *main]
    main = [*(Sentence(one, f"{sweep.key}-efficiency") for one in sharing_sentences(sweep)), *main]
    noise = list(_noise(sweep))
    led = [one for one in noise if one.kind == "finding"]
    return [*led, *(main or [_single(sweep)]), *failures(sweep), *(one for one in noise if one.kind != "finding")]


def _context(sweep: Sweep, held: dict[str, Any]) -> Markup:
    """As "train step of lstm (fp32, fused)": what the sentence holds fixed, and only that."""
    first = sweep.lead.cases.iloc[0]
    full = {**{axis: first[axis] for axis in ("variant", "phase", "precision") if axis != sweep.x}, **sweep.lead.held, **held}
    variant, phase = full.pop("variant", None), full.pop("phase", None)
    thing = words.step(str(phase)) if phase else "step"
    noted = words.values({axis: value for axis, value in full.items() if axis != sweep.x})
    return say("{}{}{}", thing, f" of {variant}" if variant else "", f" ({noted})" if noted else "")


def _lead_rows(sweep: Sweep) -> tuple[dict[str, Any], pd.DataFrame]:
    """The cases that the headline is about: the lead slice at the hue's baseline."""
    lines = [(which, rows) for which, rows in sweep.lines(sweep.lead.cases) if growth(rows, sweep.x, "step_time_s")]
    wanted = sweep.baseline(sweep.hue) if sweep.hue else None
    at_base = [(which, rows) for which, rows in lines if which.get(sweep.hue) == wanted]
    return (at_base or lines or [({}, sweep.lead.cases)])[0]


def _growth(sweep: Sweep) -> Iterator[Sentence]:
    """What one more of x costs, as far as a fit may be quoted."""
    which, rows = _lead_rows(sweep)
    time = growth(rows, sweep.x, "step_time_s")
    if time is None:
        return
    named = {axis: value for axis, value in which.items() if axis == sweep.hue}
    where, anchor = _context(sweep, named), f"{sweep.key}-scaling"
    if sweep.x == "batch_size":
        yield Sentence(_throughput(rows, where), anchor)
    yield Sentence(_cost(sweep.x, time, growth(rows, sweep.x, "activation_bytes"), where), anchor)
    if (law := time.doubling) and time.power and time.each and sweep.x in _COUNTED:
        yield Sentence(
            say("Twice the {} takes <b>{}</b> the time <i>(95 % CI {})</i>: it grows as {}<sup>{}</sup>.",
                _COUNTED[sweep.x], units.factor(law[0]), units.factors(*law[1:]), words.axis(sweep.x), units.exponent(time.power.value)),
            anchor,
        )  # fmt: skip


def _throughput(rows: pd.DataFrame, where: Markup) -> Markup:
    """The best batch, and the smallest that comes near it."""
    fine = rows[rows["tokens_per_s"].notna()]
    best = fine.sort_values("tokens_per_s").iloc[-1]
    near = fine[fine["tokens_per_s"] >= 0.95 * best["tokens_per_s"]].sort_values("batch_size").iloc[0]
    said = say(
        "The best throughput of a {} is <b>{}</b>, at a batch of <b>{}</b>", where, units.rate("tokens_per_s", best["tokens_per_s"]),
        best["batch_size"],
    )  # fmt: skip
    if near["batch_size"] == best["batch_size"]:
        return said + "; no smaller one comes within 5 % of it."
    share = near["activation_bytes"] / best["activation_bytes"]
    kept = say(" and keeps <b>{}</b> the activations", units.factor(share)) if pd.notna(share) else say("")
    return said + say("; one of <b>{}</b> comes within 5 % of it{}.", near["batch_size"], kept)


_COUNTED = {"depth": "layers", "seq_len": "sequence length", "batch_size": "batch"}


def _cost(x: str, time: Growth, memory: Growth | None, where: Markup) -> Markup:
    """The headline, in the strongest form that the points allow: per unit, per doubling, or merely from where to where."""
    kept = memory.each if memory is not None else None
    extra = say(" and <b>{}</b> of activations", units.binary_bytes(kept.value)) if kept else ""
    if (each := time.each) and x in _COUNTED:
        slope, ends = units.show("step_time_s", each.value), units.spread("step_time_s", each.low, each.high)
        return say("Each further {} costs <b>{}</b> <i>(95 % CI {})</i>{} in a {}.", words.one(x), slope, ends, extra, where)
    if law := time.doubling:
        return say("Twice the {} takes <b>{}</b> the time <i>(95 % CI {})</i> in a {}.",
                   words.axis(x), units.factor(law[0]), units.factors(*law[1:]), where)  # fmt: skip
    (first, before), (last, after) = time.points[0], time.points[-1]
    sure = say(" <i>(95 % CI {})</i>", units.factors(*time.total_ends)) if time.total_ends else ""
    times = units.show("step_time_s", before), units.show("step_time_s", after)
    if bent := _bent(x, time):
        return say("A further {} costs {}, in a {}: it goes from {} to {}, <b>{}</b>{}.", words.one(x), bent, where, *times,
                   units.factor(time.total), sure)  # fmt: skip
    ends = say("From {} to {}, a {} goes from {} to {}: <b>{}</b>{}.", *_range(x, first, last), where, *times,
               units.factor(time.total), sure)  # fmt: skip
    steps = [step for step in rises(time) if step[0] > 0]
    if len(steps) < 2:
        return ends
    doubled = all(high >= SMALLEST_STEP * low for low, high, _ in (steps[0], steps[-1]))
    bends = [word for step in (steps[0], steps[-1]) for word in _bend(*step, doubled=doubled)]
    return ends + say(" No one rate describes it: from {} to {} {} {} the time, from {} to {} {}.", *bends[:2],
                      f"twice the {words.axis(x)} takes" if doubled else "it takes", *bends[2:])  # fmt: skip


def _bent(x: str, time: Growth) -> Markup | None:
    """What one more of a counted axis costs at the beginning and at the end, where it is not the same; None where that is no cost."""
    (a, at_a), (b, at_b) = time.points[:2]
    (c, at_c), (d, at_d) = time.points[-2:]
    surely = all(later[0] > before[1] for before, later in (time.ends[:2], time.ends[-2:]))
    if x not in _COUNTED or len(time.points) < 3 or not surely:
        return None
    first, last = (units.show("step_time_s", one) for one in ((at_b - at_a) / (b - a), (at_d - at_c) / (d - c)))
    return say("<b>{}</b> from {} to {} and <b>{}</b> from {} to {}", first, units.plain(a), words.value(x, b), last, units.plain(c),
               units.plain(d))  # fmt: skip


def _bend(low: float, high: float, rise: float, *, doubled: bool) -> tuple[str, str, str]:
    """From where to where, and what that (or, to compare steps of unlike width, twice as much) takes there."""
    return units.plain(low), units.plain(high), units.factor(rise ** (1 / math.log2(high / low)) if doubled else rise)


def _range(x: str, first: float, last: float) -> tuple[str, str]:
    """The ends of a sweep: ("1", "8 layers"), ("hidden size 64", "1,024")."""
    counted = bool(AXES[x].unit)
    return (units.plain(first), words.value(x, last)) if counted else (words.value(x, first), units.plain(last))


def _beside(sweep: Sweep) -> Iterator[Sentence]:
    """What was run in turn with the step in one process: clipping against none, or a bare loop."""
    fine = sweep.cases[(sweep.cases["status"] == "ok") & sweep.cases["beside_ratio"].notna()]
    clipped = fine[fine["clip_cost_s"].notna()]
    anchor = f"{sweep.key}-beside"
    if not clipped.empty:
        yield Sentence(_clipping(clipped), anchor)
    rest = fine[fine["clip_cost_s"].isna() & fine["communication_share"].isna()]  # what communication costs is told with its efficiency
    if not rest.empty:
        yield Sentence(_in_turn(rest), anchor)


def _in_turn(cases: pd.DataFrame) -> Markup:
    """How the step stands to what was run in turn with it."""
    middle = units.factor(cases["beside_ratio"].median(), 4)
    if len(cases) == 1:
        return say("The step takes <b>{}</b> the time of what ran in turn with it <i>(95 % CI {})</i>.", middle,
                   units.factors(cases["beside_ratio_low"].iloc[0], cases["beside_ratio_high"].iloc[0], 4))  # fmt: skip
    apart = int(((cases["beside_ratio_low"] > 1) | (cases["beside_ratio_high"] < 1)).sum())
    ends = units.factors(cases["beside_ratio"].min(), cases["beside_ratio"].max(), 4)
    return say("The step takes <b>{}</b> the time of what ran in turn with it <i>({} over {} cases)</i>; in {} the 95 % CI leaves out 1.",
               middle, ends, len(cases), f"{apart} of them" if apart else "none of them")  # fmt: skip


def _clipping(cases: pd.DataFrame) -> Markup:
    """The cost of clipping, and in how many cases it is surely one."""
    sure = cases[cases["difference_low"] > 0]
    if sure.empty:
        worst = cases["beside_ratio"].max() - 1
        return say("Clipping the gradient norm costs <b>nothing that could be seen</b> in {}; at most {} of a step.",
                   words.count(len(cases), "case"), units.percent(max(worst, 0.0)))  # fmt: skip
    middle, share = cases["clip_cost_s"].median(), cases["beside_ratio"].median() - 1
    low, high = units.show("clip_cost_s", cases["clip_cost_s"].min()), units.show("clip_cost_s", cases["clip_cost_s"].max())
    ends = f"{low} to {high} over {len(cases)} cases, clearly above 0 in {len(sure)}" if len(cases) > 1 else (
        f"95 % CI {units.spread('clip_cost_s', cases['difference_low'].iloc[0], cases['difference_high'].iloc[0])}")  # fmt: skip
    return say(
        "Clipping the gradient norm costs <b>{}</b> a step, <b>{}</b> of it <i>({})</i>.",
        units.show("clip_cost_s", middle),
        units.percent(share),
        ends,
    )


def _single(sweep: Sweep) -> Sentence:
    """One lonely measured case."""
    row = sweep.cases[sweep.cases["status"] == "ok"].iloc[0]
    ends = ""
    if pd.notna(row["step_time_low"]):
        kind = "95 % CI" if row["step_time_coverage"] >= 0.95 else "range"
        ends = f" ({kind} {units.spread('step_time_s', row['step_time_low'], row['step_time_high'])})"
    thing, time = f"{row['variant']} {words.step(row['phase'])}", units.show("step_time_s", row["step_time_s"])
    return Sentence(say("One {} takes <b>{}</b>{}.", thing, time, ends), f"{sweep.key}-scaling")


def failures(sweep: Sweep) -> list[Sentence]:
    """How many cases ended otherwise than measured, by how, and why where one reason serves all."""
    total = words.count(len(sweep.cases), "case")
    found = []
    for status, said in _ENDS.items():
        lost = sweep.cases[sweep.cases["status"] == status]
        if lost.empty:
            continue
        reasons = set(lost["reason"]) - {""}
        why = say(": {}", reasons.pop()[:120]) if len(reasons) == 1 else ""
        verb = said.format(was="was" if len(lost) == 1 else "were")
        found.append(Sentence(say("<b>{}</b> of {} {}{}.", len(lost), total, verb, why), "cases", "trouble"))
    return found


def _noise(sweep: Sweep) -> Iterator[Sentence]:
    """How many medians are hardly known. Where that is most of them, it is the first thing to know."""
    fine = sweep.cases[sweep.cases["status"] == "ok"]
    wide = ((fine["step_time_high"] - fine["step_time_low"]) / 2 / fine["step_time_s"] > NOISY).sum()
    if not wide:
        return
    many = words.count(len(fine), "measured case")
    if wide * 2 > len(fine) > 1:
        told = (
            "<b>Too noisy to rely on</b>: of {1} the median of <b>{0}</b> is known no better than ±{2}. Measure again on a quiet machine."
        )
    else:
        told = "<b>{}</b> of {} are noisy: the median is known no better than ±{}. Measure again on a quiet machine."
    yield Sentence(say(told, int(wide), many, units.percent(NOISY)), "cases", "finding" if wide * 2 > len(fine) > 1 else "trouble")
