"""One check of a machine's fitness: what was looked at, its state, and the remedy."""

from dataclasses import asdict, dataclass

GOOD, CARE, UNKNOWN = "good", "care", "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it stands (good, care, unknown), and what to do where it is not good."""

    name: str
    state: str
    said: str
    todo: str = ""

    def as_dict(self) -> dict[str, str]:
        """As JSON takes it."""
        return asdict(self)
