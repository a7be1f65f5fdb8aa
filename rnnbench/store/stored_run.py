"""One run as a store keeps it: the bytes of its two files, their hashes, and each case's values."""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PART_BYTES = 2**20
MOST_BYTES = 512 * 2**20  # per run: both databases limit a value to 1 GB, and a whole run is in memory while it is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run to save. `lines` are whole lines of records.jsonl; each of `cases` is (id, axes as JSON, figures as JSON)."""

    head: bytes
    lines: bytes
    machine: str
    facts: str
    cases: Sequence[tuple[str, str, str]]
    folder: str = ""
    seen: str = ""

    @property
    def run(self) -> Mapping[str, Any]:
        """The parsed run.json."""
        found: Mapping[str, Any] = json.loads(self.head)
        return found

    @property
    def row(self) -> dict[str, Any]:
        """The run's row in the table. Copies of a run share one `identity` in any folder; `content` changes as records are added."""
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
        """Compressed: run.json first, then the records in parts of whole lines."""
        yield zlib.compress(self.head)
        begin = 0
        while begin < len(self.lines):
            end = self.lines.find(b"\n", begin + PART_BYTES) + 1 or len(self.lines)
            yield zlib.compress(self.lines[begin:end])
            begin = end


def digest(case: str, axes: str) -> str:
    """The unique key of a case in the store, as hexadecimal SHA-256."""
    return hashlib.sha256(f"{case}\0{axes}".encode("utf-8", "surrogatepass")).hexdigest()
