"""One run as a store keeps it: the bytes of its two files, their hashes, and each case's values."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PART_BYTES = 2**20
MOST_BYTES = 512 * 2**20  # of a run: both databases end at 1 GB a value, and a run is held whole while it is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run to be kept. `lines` are whole lines of records.jsonl; `cases` is (id, axes, figures), the latter two as JSON."""

    head: bytes
    lines: bytes
    machine: str
    facts: str
    cases: Sequence[tuple[str, str, str]]
    folder: str = ""
    seen: str = ""

    @property
    def run(self) -> Mapping[str, Any]:
        """What run.json says."""
        found: Mapping[str, Any] = json.loads(self.head)
        return found

    @property
    def row(self) -> dict[str, Any]:
        """The run's row. Copies of a run have one identity, wherever they lie; `content` differs while it grows."""
        run = self.run
        machine = run.get("machine") or {}
        named = json.dumps([run["id"], run["started_utc"], machine.get("hostname")])
        return {
            "identity": hashlib.sha256(named.encode()).hexdigest(),
            "content": hashlib.sha256(self.head + b"\0" + self.lines).hexdigest(),
            "id": run["id"],
            "started_utc": run["started_utc"],
            "finished": bool(run.get("finished_utc")),
            "records": self.lines.count(b"\n"),
            "folder": self.folder,
            "seen": self.seen,
            "machine": self.machine,
            "facts": self.facts,
        }

    def parts(self) -> Iterator[bytes]:
        """run.json, then the records in parts that end with a line, compressed."""
        yield zlib.compress(self.head)
        begin = 0
        while begin < len(self.lines):
            end = self.lines.find(b"\n", begin + PART_BYTES) + 1 or len(self.lines)
            yield zlib.compress(self.lines[begin:end])
            begin = end


def digest(case: str, axes: str) -> str:
    """The name under which a case is kept once."""
    return hashlib.sha256(f"{case}\0{axes}".encode("utf-8", "surrogatepass")).hexdigest()
