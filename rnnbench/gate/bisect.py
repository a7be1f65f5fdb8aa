"""Which commit changed a figure: what to compare next, and what is known once nothing is left to compare. No measuring here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rnnbench.gate.statistics.sequential import Key
from rnnbench.gate.verdict import Comparison, Finding

GOOD, BAD, SKIP = "good", "bad", "skip"


@dataclass(frozen=True, slots=True)
class Tried:
    """One commit that was compared with the good one: good, bad or skip, and why."""

    commit: str
    verdict: str
    why: str
    exact: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As the state file has it."""
        return {"commit": self.commit, "verdict": self.verdict, "why": self.why, "exact": self.exact}


@dataclass(slots=True)
class Search:
    """Commits after the good one, oldest first; the last is the bad one. `tried` are those that were compared."""

    commits: tuple[str, ...]
    tried: dict[str, Tried] = field(default_factory=dict)

    @property
    def _bounds(self) -> tuple[int, int]:
        """Indices of the last good commit before the first bad one (−1: the good revision itself), and of that bad one."""
        bad = next(i for i, one in enumerate(self.commits) if self._is(one, BAD) or i == len(self.commits) - 1)
        good = max((i for i in range(bad) if self._is(self.commits[i], GOOD)), default=-1)
        return good, bad

    @property
    def suspects(self) -> tuple[str, ...]:
        """The commits of which one made the change; a single one once it is found."""
        good, bad = self._bounds
        return self.commits[good + 1 : bad + 1]

    @property
    def next(self) -> str | None:
        """The untried suspect nearest to the middle; none where the search is over."""
        good, bad = self._bounds
        open_ = [i for i in range(good + 1, bad) if self.commits[i] not in self.tried]
        return self.commits[min(open_, key=lambda i: abs(i - (good + bad) / 2))] if open_ else None

    def _is(self, commit: str, verdict: str) -> bool:
        return commit in self.tried and self.tried[commit].verdict == verdict

    def note(self, tried: Tried) -> None:
        """Take in what one comparison showed."""
        self.tried[tried.commit] = tried

    def chance_of_error(self, alpha: float) -> float:
        """Upper bound on the chance that a bad verdict was noise: `alpha` for each that rests on tests, none for exact figures."""
        return min(1.0, alpha * sum(one.verdict == BAD and not one.exact for one in self.tried.values()))


def target(found: Comparison, metric: str = "") -> Finding | None:
    """The regression to look for: the gravest of `metric`, or of all; exact ones first, as they need no luck. None where there is none."""
    failing = [one for one in found.findings if one.failing and one.metric and metric in ("", one.metric)]
    return min(failing, key=lambda one: (one.test != "exact", -abs((one.ratio or 1.0) - 1.0)), default=None)


def tried(commit: str, found: Comparison, key: Key) -> Tried:
    """What a comparison of the good revision with `commit` says of the target."""
    case, metric = key
    row = next((one for one in found.findings if (one.case, one.metric) == (case, metric)), None)
    if row is None or row.verdict in ("inconclusive", "missing", "incompatible"):
        return Tried(commit, SKIP, row.reason or row.verdict if row else f"{metric} of {case} was not measured")
    return Tried(commit, BAD if row.failing else GOOD, row.verdict, exact=row.test == "exact")


def of_state(commits: Sequence[str], state: Mapping[str, Any]) -> Search:
    """A search that was interrupted. Raises KeyError or TypeError for what is no state."""
    found = Search(tuple(commits))
    for one in state["tried"]:
        found.note(Tried(str(one["commit"]), str(one["verdict"]), str(one["why"]), bool(one["exact"])))
    return found
