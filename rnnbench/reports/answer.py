"""The answer in sentences made from the data. Each names its evidence; what the data cannot carry is not said."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.fit import Contrast, contrast
from rnnbench.analysis.growth import Growth, growth, rises
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words

MOST_CONTRASTS = 5
_CATEGORIES = ("variant", "precision", "implementation", "execution", "bidirectional", "device", "run")
_ENDS = {
    "oom": "ran out of memory",
    "timeout": "took longer than allowed and {was} ended",
    "crashed": "crashed",
    "unsupported": "cannot be done here",
    "diverged": "diverged",
    "failed": "raised an error",
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


def say(template: str, *values: object, **named: object) -> Markup:
    """`template` with every value escaped. The template is ours, the values are data."""
    return Markup(template).format(*values, **named)  # noqa: S704 - only literals come here as templates


def answer(sweep: Sweep) -> list[Sentence]:
    """The findings of a suite, the headline first, then what went wrong."""
    if not (sweep.cases["status"] == "ok").any():
        return [Sentence(say("No case of this suite was measured."), "cases", "trouble"), *failures(sweep)]
    main = [*(_growth(sweep) if sweep.numeric else ()), *_contrasts(sweep), *_beside(sweep)]
    return [*(main or [_single(sweep)]), *failures(sweep)]


def _context(sweep: Sweep, held: dict[str, Any]) -> Markup:
    """ "an lstm train step (fp32, fused)": what the sentence holds fixed, and only that."""
    first = sweep.lead.cases.iloc[0]
    full = {**{axis: first[axis] for axis in ("variant", "phase", "precision") if axis != sweep.x}, **sweep.lead.held, **held}
    variant, phase = full.pop("variant", None), full.pop("phase", None)
    thing = words.step(str(phase)) if phase else "step"
    noted = words.values({axis: value for axis, value in full.items() if axis != sweep.x})
    return say("{}{}{}", f"{variant} " if variant else "", thing, f" ({noted})" if noted else "")


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
    yield Sentence(_cost(sweep.x, time, growth(rows, sweep.x, "activation_bytes"), where), anchor)
    if (law := time.doubling) and time.each is not None and sweep.x in _COUNTED:
        yield Sentence(
            say("Doubling the {} multiplies the time by <b>{}</b> (95 % CI {}): time grows as {}<sup>{}</sup>.",
                _COUNTED[sweep.x], units.factor(law[0]), units.factors(*law[1:]), words.axis(sweep.x), units.exponent(time.power.value)),
            anchor,
        )  # fmt: skip
    if sweep.x == "batch_size":
        best = rows.loc[rows["tokens_per_s"].idxmax()]
        yield Sentence(
            say("The best throughput is <b>{}</b>, at a batch of {}.", units.rate("tokens_per_s", best["tokens_per_s"]), best[sweep.x]),
            anchor,
        )  # fmt: skip


_COUNTED = {"depth": "layers", "seq_len": "sequence length", "batch_size": "batch"}


def _cost(x: str, time: Growth, memory: Growth | None, where: Markup) -> Markup:
    """The headline, in the strongest form that the points allow: per unit, per doubling, or merely from where to where."""
    kept = memory.each if memory is not None else None
    extra = say(" and keeps <b>{}</b> more for the backward pass", units.binary_bytes(kept.value)) if kept else ""
    if (each := time.each) and x in _COUNTED:
        slope, ends = units.show("step_time_s", each.value), units.spread("step_time_s", each.low, each.high)
        return say("Each further {} costs <b>{}</b> (95 % CI {}){} in one {}.", words.one(x), slope, ends, extra, where)
    if law := time.doubling:
        return say("Doubling the {} multiplies the time of one {} by <b>{}</b> (95 % CI {}).",
                   words.axis(x), where, units.factor(law[0]), units.factors(*law[1:]))  # fmt: skip
    (first, before), (last, after) = time.points[0], time.points[-1]
    ends = say("From {} to {}, one {} goes from {} to {}: <b>{}</b>.", words.short(x, first), words.value(x, last), where,
               units.show("step_time_s", before), units.show("step_time_s", after), units.factor(time.total))  # fmt: skip
    steps = rises(time)
    if len(steps) < 2:
        return ends
    low, high = (steps[index] for index in (0, -1))
    bend = say(" No one rate describes it: the first step ({}–{}) multiplies it by {}, the last ({}–{}) by {}.",
               units.plain(low[0]), units.plain(low[1]), units.factor(low[2]), units.plain(high[0]), units.plain(high[1]), units.factor(high[2]))  # fmt: skip
    return ends + bend


def _contrasts(sweep: Sweep) -> Iterator[Sentence]:
    """Each value of a varied category against its baseline: the swept one first, then the hue, then the rest."""
    axes = [axis for axis in dict.fromkeys((sweep.x, sweep.hue, *_CATEGORIES)) if axis in _CATEGORIES and axis in sweep.varying]
    for axis in axes:
        base = sweep.baseline(axis)
        against = [(value, contrast(sweep.cases, axis, value, base)) for value in sweep.values(axis) if value != base]
        for value, found in [pair for pair in against if pair[1] is not None][:MOST_CONTRASTS]:
            anchor = f"{sweep.key}-{'matrix' if axis == 'precision' else 'scaling'}"
            yield Sentence(_versus(words.value(axis, value), words.value(axis, base), found), anchor)


def _versus(name: str, base: str, found: Contrast) -> Markup:
    """How a value stands to its baseline, in time of a step."""
    if found.low is None or found.high is None:
        return say("{} took {} the time of {}, in too few rounds for an interval.", name, units.factor(found.ratio), base)
    many = found.pairs > 1
    where = f" over {found.pairs} matched pairs of cases" if many else ""
    if max(found.high - 1, 1 - found.low) <= 0.05 and (many or not found.clear):
        return say("{} and {} are within {} of each other{}.", name, base, units.percent(max(found.high - 1, 1 - found.low)), where or " (95 % CI)")
    if not found.clear:
        if many:
            return say("{} against {} depends on the case: {} the time{}, {} in the middle.", name, base,
                       units.factors(found.low, found.high), where, units.factor(found.ratio))  # fmt: skip
        return say("{} and {} cannot be told apart here: {} the time (95 % CI).", name, base, units.factors(found.low, found.high))
    kind = "between {}" + where if many else "95 % CI {}"
    if found.ratio < 1:
        ends = units.factors(1 / found.high, 1 / found.low)
        return say("<b>{}</b> is <b>{}</b> as fast as {} ({}).", name, units.factor(1 / found.ratio), base, kind.format(ends))
    return say("<b>{}</b> takes <b>{}</b> the time of {} ({}).", name, units.factor(found.ratio), base, kind.format(units.factors(found.low, found.high)))


def _beside(sweep: Sweep) -> Iterator[Sentence]:
    """What was run in turn with the step in one process: clipping against none, or a bare loop."""
    fine = sweep.cases[(sweep.cases["status"] == "ok") & sweep.cases["beside_ratio"].notna()]
    clipped = fine[fine["clip_cost_s"].notna()]
    anchor = f"{sweep.key}-beside"
    if not clipped.empty:
        yield Sentence(_clipping(clipped), anchor)
    rest = fine[fine["clip_cost_s"].isna()]
    if not rest.empty:
        low, high = rest["beside_ratio"].min(), rest["beside_ratio"].max()
        over = f"{units.factors(low, high)} over {words.count(len(rest), 'case')}" if len(rest) > 1 else "one case"
        yield Sentence(say("The step takes <b>{}</b> the time of what was run in turn with it ({}).",
                           units.factor(rest["beside_ratio"].median()), over), anchor)  # fmt: skip


def _clipping(cases: pd.DataFrame) -> Markup:
    """The cost of clipping, and in how many cases it is surely one."""
    sure = cases[cases["difference_low"] > 0]
    if sure.empty:
        worst = cases["beside_ratio"].max() - 1
        return say("Clipping the gradient norm costs <b>nothing that could be seen</b> in {}; at most {} of a step.",
                   words.count(len(cases), "case"), units.percent(max(worst, 0.0)))  # fmt: skip
    middle, share = cases["clip_cost_s"].median(), cases["beside_ratio"].median() - 1
    low, high = units.show("clip_cost_s", cases["clip_cost_s"].min()), units.show("clip_cost_s", cases["clip_cost_s"].max())
    many = say("; {} to {} over {} cases, above 0 beyond doubt (95 %) in {}", low, high, len(cases), len(sure)) if len(cases) > 1 else say(
        "; 95 % CI {}", units.spread("clip_cost_s", cases["difference_low"].iloc[0], cases["difference_high"].iloc[0]))  # fmt: skip
    return say("Clipping the gradient norm costs <b>{}</b> a step ({} of it{}).", units.show("clip_cost_s", middle), units.percent(share), many)


def _single(sweep: Sweep) -> Sentence:
    """One lonely measured case."""
    row = sweep.cases[sweep.cases["status"] == "ok"].iloc[0]
    ends = ""
    if pd.notna(row["step_time_low"]):
        kind = "95 % CI" if row["step_time_coverage"] >= 0.95 else "range"
        ends = f" ({kind} {units.spread('step_time_s', row['step_time_low'], row['step_time_high'])})"
    return Sentence(say("One {} {} takes <b>{}</b>{}.", row["variant"], words.step(row["phase"]), units.show("step_time_s", row["step_time_s"]), ends),
                    f"{sweep.key}-scaling")  # fmt: skip


def failures(sweep: Sweep) -> list[Sentence]:
    """How many cases ended otherwise than measured, by how."""
    total = len(sweep.cases)
    counts = sweep.cases["status"].value_counts()
    said: Callable[[str, int], str] = lambda status, number: _ENDS.get(status, status).format(was="was" if number == 1 else "were")  # noqa: E731
    return [
        Sentence(say("<b>{}</b> of {} {}.", int(counts[status]), words.count(total, "case"), said(status, int(counts[status]))), "cases", "trouble")
        for status in _ENDS
        if status in counts
    ]
