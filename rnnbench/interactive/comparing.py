"""rnnbench.compare: two of your own models measured in turn, with a verdict."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from rnnbench.axis import written
from rnnbench.budget import Budget
from rnnbench.case import AXES
from rnnbench.errors import UnknownName, UsageError
from rnnbench.interactive.asked import Asked, Several, budget_of, name_of, parcel_of
from rnnbench.interactive.processes import environment
from rnnbench.interactive.records import Records
from rnnbench.measure.own.parcel import CannotPack, pack
from rnnbench.record import METRICS
from rnnbench.scratch import scratch
from rnnbench.units import digits, factors, show

if TYPE_CHECKING:
    from torch import nn

    from rnnbench.gate.verdict import Comparison, Finding
    from rnnbench.runs.request import Request

PAIRS = (5, 10, 20)
SETTINGS = ("precision", "clip_norm", "execution", "seed")
"""What may differ between the two beside the model."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of two models in turn. `comparison` holds every finding; `ratio` in a finding is b ÷ a. `a` and `b` are the records."""

    comparison: "Comparison"
    a: Records
    b: Records

    @property
    def findings(self) -> list["Finding"]:
        """Of what was sampled, the gravest first; exact figures of two models differ as a matter of course."""
        return [one for one in self.comparison.findings if not one.metric or not METRICS[one.metric].deterministic]

    @property
    def verdict(self) -> str:
        """Of the gravest finding: regressed (b is slower), improved (b is faster), equivalent, inconclusive, or why there is none."""
        return self.findings[0].verdict if self.findings else "missing"

    def __repr__(self) -> str:
        """A sentence for each finding."""
        return "\n".join(self._sentences())

    def _repr_html_(self) -> str:
        """The sentences, and one record of each model."""
        said = Markup().join(Markup("<p>{}</p>").format(one) for one in self._sentences())
        tables = [Markup(Records(records[:1])._repr_html_()) for records in (self.a, self.b)]  # noqa: S704 - escaped there
        return str(said + Markup().join(tables))

    def _sentences(self) -> list[str]:
        a, b = self.comparison.base, self.comparison.candidate
        return [_sentence(one, a, b) for one in self.findings] or [f"no case of {a} and {b} could be compared"]


def compare(
    a: "nn.Module | Callable[..., Any]",
    b: "nn.Module | Callable[..., Any]",
    batch: Any = None,
    *,
    loss: Callable[..., Any] | None = None,
    optimizer: Callable[..., Any] | None = None,
    phases: Several = "train",
    precision: Several = "fp32",
    clip_norm: Several = None,
    execution: Several = "eager",
    budget: str | float | Budget = "quick",
    device: str | None = None,
    set_a: Mapping[str, Any] | None = None,
    set_b: Mapping[str, Any] | None = None,
    names: Sequence[str] = ("a", "b"),
    pairs: Sequence[int] = PAIRS,
    alpha: float = 0.05,
    min_effect: float = 0.02,
    seed: int = 0,
) -> Compared:
    """Measure two models in turn, a fresh process each, in random order, until it is clear whether b is slower or faster than a.

    Interim analyses come after each number of `pairs`; a difference counts once as many fresh pairs, at least ten, confirm it.

    Models, batch, loss, optimizer and settings are as in `measure`, and are the same for both but for `set_a` and `set_b`: one model in
    two precisions is `compare(model, model, batch, set_b={"precision": "bf16"})`. A change counts where it is surely, at the
    error rate `alpha`, larger than `min_effect` (a share: 0.02 is 2 %). Raises UsageError where the models cannot be sent to processes
    of their own: rounds within one process are not independent, so they are no evidence.
    """
    from rnnbench.gate.duet import judged, stated
    from rnnbench.gate.policy import Policy
    from rnnbench.gate.statistics.sequential import LookPlan
    from rnnbench.runs.contender import Contender
    from rnnbench.runs.duet import duet

    asked, allowed = Asked.of(phases, precision, clip_norm, execution, seed), budget_of(budget)
    policy, plan = Policy(alpha=alpha, min_effect=min_effect), LookPlan(tuple(pairs), alpha)
    variants = [f"{name_of(model)[-60:].lstrip(':.+')}+{side}" for model, side in ((a, "a"), (b, "b"))]
    sides = [
        Contender(side=side, label=label, sets=(f"variant={name}", *_own_sets(given)), variables=environment())
        for side, label, name, given in zip(("A", "B"), names, variants, (set_a, set_b), strict=True)
    ]
    with scratch() as place:
        paths = _packed((a, b), variants, place, batch, loss, optimizer)
        request = _request(paths, asked, allowed, device, place)
        with duet(request, sides[0], sides[1], stated(plan, policy), _unsaid) as playing:
            found = judged(playing, plan, policy, _unsaid)
            runs = playing.runs()
            playing.finish(interrupted=False)
    return Compared(replace(found, base=names[0], candidate=names[1]), Records(runs[0].records), Records(runs[1].records))


def _packed(models: Sequence[Any], variants: Sequence[str], place: Path, batch: Any, loss: Any, optimizer: Any) -> list[str]:
    """Both models as parcels. Raises UsageError where one cannot be sent to a process of its own."""
    try:
        return [
            str(pack(parcel_of(model, batch, loss, optimizer, None), name, place)) for model, name in zip(models, variants, strict=True)
        ]
    except CannotPack as error:
        raise UsageError(f"a comparison runs each model in its own process: {error}") from None


def _request(paths: Sequence[str], asked: Asked, allowed: Budget, device: str | None, place: Path) -> "Request":
    from rnnbench.runs.request import Request

    return Request(
        suites=(paths[0],),
        plugins=(paths[1],),
        device=device,
        sets=_sets(asked),
        results=place,
        budget=allowed.as_dict(),
        wait=True,
        command=("rnnbench.compare",),
    )


def _unsaid(_sentence: str) -> None:
    """Progress is for terminals."""


def _sets(asked: Asked) -> tuple[str, ...]:
    axes = {"phase": asked.phases, "precision": asked.precisions, "clip_norm": asked.clip_norms, "execution": asked.executions}
    return (*(f"{name}={','.join(map(written, values))}" for name, values in axes.items()), f"seed={asked.seed}")


def _own_sets(given: Mapping[str, Any] | None) -> tuple[str, ...]:
    """What one side has otherwise. Raises UnknownName or BadValue."""
    for name, value in (given or {}).items():
        if name not in SETTINGS:
            raise UnknownName("setting", name, SETTINGS)
        AXES[name].check(value)
    return tuple(f"{name}={written(value)}" for name, value in (given or {}).items())


def _sentence(one: "Finding", a: str, b: str) -> str:
    """b is 1.31× slower than a (1.28–1.34×): step time 12.1 ms against 9.2 ms."""
    where = f" [{one.case.partition('/')[2]}]"
    if not one.metric or one.ratio is None or one.base is None or one.candidate is None:
        return f"{one.verdict}: {b} against {a}: {one.reason or 'not measured'}{where}"
    label = METRICS[one.metric].label
    figures = f"{label} {show(one.metric, one.candidate)} against {show(one.metric, one.base)}"
    interval = f" ({factors(one.low, one.high)} of {a}'s)" if one.low is not None and one.high is not None else ""
    more, less = ("slower", "faster") if one.metric.endswith("_s") else ("more", "less")
    said = {
        "regressed": f"{b} is {digits(one.ratio)}× {more} than {a}",
        "improved": f"{b} is {digits(1 / one.ratio)}× {less} than {a}",
        "equivalent": f"{a} and {b} are equivalent",
        "inconclusive": f"Inconclusive: neither a difference between {a} and {b} nor its absence could be shown; raise pairs",
    }.get(one.verdict, f"{one.verdict}: {b} against {a}")
    return f"{said}: {figures}{interval}{where}"
