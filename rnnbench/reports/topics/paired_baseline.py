"""Cases timed alternately with a baseline in the same process: no clipping, one LSTM for all variants, a bare loop."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.fit import apart
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import comparatives, words
from rnnbench.reports.sentences import markup
from rnnbench.reports.table import Cell, Table
from rnnbench.reports.topics.application_cost import one_case_per_variant
from rnnbench.reports.topics.speedups import joined
from rnnbench.reports.topics.topic import Block, Kind, Sentence, Topic, View

MOST_RANKED = 3
MOST_ROWS = 60


def sentences(view: View) -> Iterator[Sentence]:
    """A ranking where one baseline serves many variants, else the cost of what the step has and its baseline has not."""
    sweep, anchor = view.sweep, f"{view.key}-beside"
    kind: Kind = "answer" if view.metric != "step_time_s" else "finding"
    ranked = list(_ranking(sweep))
    if ranked:
        yield from (Sentence(one, anchor, kind) for one in ranked)
        return
    fine = _paired(sweep)
    clipped = fine[fine["clip_cost_s"].notna()]
    if not clipped.empty:
        yield Sentence(_clipping(clipped), anchor, kind)
    rest = fine[fine["clip_cost_s"].isna() & fine["communication_share"].isna()]  # communication stands with its efficiency
    if not rest.empty:
        yield Sentence(_overhead(rest), anchor, kind)


def _paired(sweep: Sweep) -> pd.DataFrame:
    return sweep.cases[(sweep.cases["status"] == "ok") & sweep.cases["beside_ratio"].notna()]


def _ranking(sweep: Sweep) -> Iterator[Markup]:
    """Variants by their speed relative to one baseline that each was timed with."""
    if sweep.x != "variant":
        return
    fine, held = one_case_per_variant(sweep)
    fine = fine[fine["beside_ratio"].notna()]
    others = set(fine["beside"]) - {""}
    if len(fine) <= MOST_RANKED or len(others) != 1:
        return
    base = others.pop()
    fine = fine.sort_values("beside_ratio", kind="stable")
    first, last = fine.head(MOST_RANKED), fine.iloc[-1]
    fastest = [
        markup("<b>{}</b> ({}{})", row["variant"], comparatives.speed(row["beside_ratio"]), _within(row)) for _, row in first.iterrows()
    ]
    sides = [
        apart(row["beside_ratio"], row["beside_ratio_low"], row["beside_ratio_high"], row["measured_processes"])
        for _, row in fine.iterrows()
    ]
    yield markup("Fastest compared with {} ({}): {}. Slowest: {} ({}). Of {}, {} {} clearly faster than {} and {} clearly slower.",
              base, words.values(held), joined(fastest), last["variant"], comparatives.speed(last["beside_ratio"]),
              words.count(len(fine), "variant"), sides.count(-1), "is" if sides.count(-1) == 1 else "are", base,
              sides.count(1))  # fmt: skip


def _within(row: "pd.Series[Any]") -> str:
    ends = comparatives.speed_interval(row["beside_ratio"], row["beside_ratio_low"], row["beside_ratio_high"])
    return f", 95 % CI {ends}" if ends else ""


def _overhead(cases: pd.DataFrame) -> Markup:
    """How much longer the step takes than its baseline."""
    base = words.joined(sorted(set(cases["beside"]) - {""})[:3]) or "its baseline"
    middle = units.change(cases["beside_ratio"].median())
    if len(cases) == 1:
        ends = units.changes(cases["beside_ratio_low"].iloc[0], cases["beside_ratio_high"].iloc[0])
        return markup("The step time differs from that of the {} by <b>{}</b> <i>(95 % CI {})</i>.", base, middle, ends)
    sure = int(((cases["beside_ratio_low"] > 1) | (cases["beside_ratio_high"] < 1)).sum())
    ends = units.changes(cases["beside_ratio"].min(), cases["beside_ratio"].max())
    return markup("The step time differs from that of the {} by <b>{}</b> <i>({} across {} cases)</i>; in {} the 95 % CI excludes zero.",
               base, middle, ends, len(cases), f"{sure} of them" if sure else "none of them")  # fmt: skip


def _clipping(cases: pd.DataFrame) -> Markup:
    """The cost of clipping, and in how many cases it is above zero beyond doubt."""
    sure = cases[cases["difference_low"] > 0]
    if sure.empty:
        worst = cases["beside_ratio"].max() - 1
        return markup("Gradient clipping has <b>no measurable cost</b> in {}: at most {} of a step.",
                   words.count(len(cases), "case"), comparatives.rounded(max(worst, 0.0)))  # fmt: skip
    middle, share = _cost(cases["clip_cost_s"].median()), comparatives.rounded(cases["beside_ratio"].median() - 1)
    if len(cases) == 1:
        ends = minus(units.spread("clip_cost_s", cases["difference_low"].iloc[0], cases["difference_high"].iloc[0]))
        return markup("Gradient clipping costs <b>{}</b> per step, <b>{}</b> of it <i>(95 % CI {})</i>.", middle, share, ends)
    ends = f"{_cost(cases['clip_cost_s'].min())} to {_cost(cases['clip_cost_s'].max())}"
    if len(sure) * 2 <= len(cases):
        return markup("The cost of gradient clipping is within noise in <b>{}</b> of {}: {} per step at the median, {} of it <i>({})</i>.",
                      len(cases) - len(sure), words.count(len(cases), "case"), middle, share, ends)  # fmt: skip
    return markup("Gradient clipping costs <b>{}</b> per step, <b>{}</b> of it <i>(median of {} cases; {}, clearly above zero in {})</i>.",
                  middle, share, len(cases), ends, len(sure))  # fmt: skip


def _cost(seconds: float) -> str:
    return minus(units.show("clip_cost_s", seconds))


def minus(text: str) -> str:
    """A figure with a minus sign for its hyphen."""
    return text.replace("-", "−")


def blocks(view: View) -> Iterator[Block]:
    """Each case against its baseline."""
    table = _table(view.sweep)
    if table:
        yield Block(f"{view.key}-paired", tables=[(f"{view.key}-beside", table)])


def _table(sweep: Sweep) -> Table | None:
    cases = _paired(sweep)
    if cases.empty:
        return None
    if sweep.x == "variant":
        cases = cases.sort_values("beside_ratio", kind="stable")
    axes = [axis for axis in sweep.varying if cases[axis].nunique(dropna=False) > 1]
    rows = [_row(row, axes) for _, row in cases.head(MOST_ROWS).iterrows()]
    left = len(cases) - len(rows)
    note = (
        "The step and its baseline are timed alternately in one process. Change and difference are medians over rounds; small figures are"
        " 95 % confidence intervals."
    )
    return Table("Compared with a baseline in the same process", ("", "baseline", "step time", "baseline's", "change", "difference"), rows,
                 note + (f" {words.count(left, 'more case')} in the table of cases." if left else ""))  # fmt: skip


def _row(row: "pd.Series[Any]", axes: list[str]) -> list[Cell]:
    known = pd.notna(row["beside_ratio_low"])
    ratio = units.changes(row["beside_ratio_low"], row["beside_ratio_high"]) if known else ""
    apart_by = minus(units.spread("clip_cost_s", row["difference_low"], row["difference_high"])) if pd.notna(row["difference_low"]) else ""
    difference = row["clip_cost_s"] if pd.notna(row["clip_cost_s"]) else row["step_time_s"] - row["beside_time_s"]
    return [
        Cell(words.values({axis: row[axis] for axis in axes}) or row["variant"]),
        Cell(row["beside"] or units.NONE),
        Cell(units.show("step_time_s", row["step_time_s"])),
        Cell(units.show("step_time_s", row["beside_time_s"])),
        Cell(units.change(row["beside_ratio"]), ratio),
        Cell(_cost(difference), apart_by),
    ]


TOPIC = Topic(sentences, blocks)
