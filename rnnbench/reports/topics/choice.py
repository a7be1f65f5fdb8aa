"""Which to choose: the fastest way to run the network in each phase and setting, and the one with the least activation memory."""

from collections.abc import Iterator

from markupsafe import Markup

from rnnbench import units
from rnnbench.analysis.choice import Choice, choice
from rnnbench.analysis.sweep import Sweep
from rnnbench.reports import words
from rnnbench.reports.sentences import markup
from rnnbench.reports.topics.topic import Sentence, Topic, View

MOST_LOST = 3
_UNEQUAL = 1.05  # ratio of parameter counts from which on it is worth a word


def sentences(view: View) -> Iterator[Sentence]:
    """One sentence on time and memory, and what the comparison does not cover."""
    if view.sweep.x == "variant" and view.metric == "beside_ratio":
        return  # ranked against one baseline instead
    text = _choice(view.sweep)
    if text:
        yield Sentence(text, "cases")


def _choice(sweep: Sweep) -> Markup | None:
    phases = {phase: choice(sweep.cases[sweep.cases["phase"] == phase]) for phase in sweep.values("phase")}
    fast = {phase: found for phase, found in phases.items() if found is not None}
    if not fast:
        return None
    winners: dict[Markup, list[str]] = {}
    for phase, found in fast.items():
        winners.setdefault(_fastest(found), []).append(words.step(phase))
    text = markup(
        "Fastest in a {}.", Markup("; in a ").join(markup("{}: {}", words.joined(which), what) for what, which in winners.items())
    )
    lean = choice(sweep.cases, "activation_bytes")
    if lean is not None and lean.clear:
        text += markup(" Least activation memory: <b>{}</b>, in {} of {}.", words.values(lean.best), lean.won,
                    words.count(len(lean.wins), "setting"))  # fmt: skip
    size = max(found.parameters_ratio for found in fast.values())
    sized = f"Parameter counts differ by up to {units.factor(size, 2)}, and what" if size > _UNEQUAL else "What"
    return text + markup(" <i>{} each network learns was not measured here.</i>", sized)


def _fastest(found: Choice) -> Markup:
    """Who wins a phase, in how many settings and how clearly; then each setting that another wins, with its winner."""
    total = len(found.wins)
    of = f"in {found.won} of {words.count(total, 'setting')}" if total > 1 else "in the one setting"
    if found.won * 2 <= total and total > 1:
        return markup("no single winner; <b>{}</b> is fastest most often, {}", words.values(found.best), of)
    clear = found.clear
    sure = "clearly" if clear == found.won else f"clearly in {clear} of them" if clear else "but the margin is within noise"
    text = markup("<b>{}</b> {}, {}", words.values(found.best), of, sure)
    lost = [f"{words.values(found.named(win.way))} is faster at {words.values(win.setting)}" for win in found.lost]
    more = [f"others win {len(lost) - MOST_LOST} more"] if len(lost) > MOST_LOST else []
    return text + (markup(" ({})", words.joined([*lost[:MOST_LOST], *more])) if lost else markup(""))


TOPIC = Topic(sentences)
