"""What an instrument saw: figures, reasons for those that there are not, and what to think of them."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Seen:
    """Joined into a record's own."""

    metrics: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, found: "Seen") -> None:
        """What another instrument saw, among the rest."""
        self.metrics.update(found.metrics)
        self.absent.update(found.absent)
        self.notes += found.notes
