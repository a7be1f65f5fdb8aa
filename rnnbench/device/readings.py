"""What an instrument measured: values, reasons for absent ones, and notes."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Readings:
    """Readings of one or more instruments, later part of a record."""

    metrics: dict[str, float] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, found: "Readings") -> None:
        """Merge the readings of another instrument into these."""
        self.metrics.update(found.metrics)
        self.absent.update(found.absent)
        self.notes += found.notes
