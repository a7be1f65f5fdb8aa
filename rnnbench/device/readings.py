"""An instrument's readings: values, reasons for absent ones, and notes."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Readings:
    """Joined into a record's own."""

    metrics: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, found: "Readings") -> None:
        """What another instrument saw, among the rest."""
        self.metrics.update(found.metrics)
        self.absent.update(found.absent)
        self.notes += found.notes
