"""Writes the tables of docs/performance.md from runs of the suites `variants` and `equal_parameters`:

python docs/make_performance.py results/RUN [results/RUN …]
"""

import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

from rnnbench.files import read_run
from rnnbench.record import Record, Run

PAGE = Path(__file__).with_name("performance.md")
MARK = "<!-- written by docs/make_performance.py: run it, do not edit below -->\n"
AGAINST = {"variants": "equal hidden size", "equal_parameters": "equal parameters"}


def spread(record: Record) -> str:
    """Median ratio over the rounds, with the middle half of them."""
    ratios = [a / b for a, b in zip(record.times_s, record.beside_times_s, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def table(records: Iterable[Record]) -> str:
    """A row a variant, a column a precision."""
    cells = {(one.case.variant, one.case.precision): spread(one) if one.status == "ok" else one.status for one in records}
    variants, precisions = (list(dict.fromkeys(key[place] for key in cells)) for place in (0, 1))
    lines = [f"| variant | {' | '.join(precisions)} |", f"|---|{'---|' * len(precisions)}"]
    lines += [f"| `{name}` | {' | '.join(cells.get((name, one), '') for one in precisions)} |" for name in variants]
    return "\n".join(lines)


def section(run: Run) -> str:
    """Every group of cases of a run that differ in variant and precision alone."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in run.records:
        case = record.case
        if case.suite in AGAINST and case.implementation == "fused":
            width = case.input_size if case.suite == "equal_parameters" else case.hidden_size
            key = (case.suite, case.phase, case.depth, width, case.batch_size, case.seq_len, case.device)
            groups.setdefault(key, []).append(record)
    return "\n\n".join(_titled(run, key, records) for key, records in groups.items())


def _titled(run: Run, key: tuple[object, ...], records: list[Record]) -> str:
    suite, phase, depth, width, batch, steps, device = key
    shape = f"{depth} layer(s), LSTM of {width}, batch {batch}, {steps} steps, {device}"
    busy = sum("contended" in " ".join(one.notes) for one in records)
    told = f"Run `{run.id}`; {busy} of {len(records)} cases contended."
    return f"### {phase}, {AGAINST[str(suite)]}: {shape}\n\n{told}\n\n{table(records)}"


def main(folders: list[str]) -> None:
    """Replace what stands below the mark."""
    head = PAGE.read_text().partition(MARK)[0]
    sections = [section(read_run(Path(folder))[0]) for folder in folders]
    PAGE.write_text(head + MARK + "\n" + "\n\n".join(sections) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
