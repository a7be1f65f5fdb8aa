"""What a choice has done so far, on disk after every stage, so that an interrupted one continues."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rnnbench import bounded
from rnnbench.choosing.ranking import Duel
from rnnbench.errors import BadResults, CannotWrite, UnknownName, UsageError
from rnnbench.journal import new_run_id, replace_whole

FOLDER = ".choices"


@dataclass(slots=True)
class State:
    """One choice. `asked` is what the command said; `look` and `final` are ids of runs; a stage that is done is in `done`."""

    id: str
    results: Path
    asked: Mapping[str, Any]
    look: str = ""
    final: str = ""
    left_out: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    duels: list[Duel] = field(default_factory=list)
    finalists: list[str] = field(default_factory=list)
    skipped: str = ""

    @classmethod
    def begun(cls, results: Path, asked: Mapping[str, Any]) -> "State":
        """A new one, not yet on disk."""
        return cls(new_run_id(f"choose-{asked['goal']}"), results, asked)

    @classmethod
    def read(cls, name: str, results: Path) -> "State":
        """By id, the beginning of one, or `latest`. Raises UsageError or BadResults."""
        folder = results / FOLDER
        known = sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []
        if not known:
            raise UsageError(f"no choice {name!r} to resume: {str(results)!r} holds none; start one with rnnbench choose GOAL")
        found = known[-1:] if name == "latest" else [one for one in known if one == name] or [one for one in known if one.startswith(name)]
        if len(found) != 1 or not name:
            raise UnknownName("choice", name, [*reversed(known), "latest"])
        path = folder / f"{found[0]}.json"
        try:
            data: Any = json.loads(bounded.text(path))
            duels = [Duel(**{**one, "runs": tuple(one["runs"])}) for one in data.pop("duels")]
            return cls(results=results, duels=duels, **data)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadResults(path, f"it cannot be read ({type(error).__name__})") from None

    def write(self) -> None:
        """On disk, whole or not at all."""
        path = self.results / FOLDER / f"{self.id}.json"
        data = {name: value for name, value in asdict(self).items() if name != "results"}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_whole(path, json.dumps(data, indent=1).encode())
        except OSError as error:
            raise CannotWrite(path, error.strerror or error) from None

    def end(self, stage: str) -> None:
        """A stage is done."""
        self.done.append(stage)
        self.write()
