"""Bounded reading of foreign files: regular files only, up to a size limit, and as text only if the encoding is certain."""

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

_BUFFER_BYTES = 2**20  # large enough that an endless line is skipped at disk speed
LARGEST_BYTES = 64 * 2**20
"""Size limit of one JSON document. The largest that rnnbench writes is run.json with its plan: 0.5 KiB per case, so 100,000 cases fit."""


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading. Raises OSError for anything else: a pipe could block, and a device could be endless."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(kind):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.fdopen(descriptor, "rb", buffering=_BUFFER_BYTES)
    except OSError:
        os.close(descriptor)
        raise


def content(path: Path, most: int = LARGEST_BYTES) -> bytes:
    """The bytes of a file. Raises OSError if it is not a regular file or is larger than `most` bytes; at most that much is read."""
    with opened(path) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"larger than the {most:,} bytes that are read", str(path))
    return found


class NotText(ValueError):
    """Bytes whose text encoding is not certain. The message says what to do."""


def text(path: Path, most: int = LARGEST_BYTES) -> str:
    """The decoded `content`. Raises NotText if the encoding is not certain."""
    return decoded(content(path, most))


def decoded(raw: bytes) -> str:
    """Decode bytes and remove the byte-order mark (BOM). Without a BOM the text is UTF-8, or UTF-16 or UTF-32 if the zero bytes of a first
    ASCII character show it. Line ends are kept. Raises NotText for anything else: no encoding is guessed."""
    encoding = json.detect_encoding(raw)
    try:
        found = raw.decode(encoding)
    except UnicodeDecodeError as error:
        name = encoding.removesuffix("-sig").partition("-le")[0].partition("-be")[0].upper()
        line = raw[: error.start].count(b"\n") + 1
        raise NotText(f"not {name} at byte {error.start} (line {line}); save it as UTF-8") from None
    found = found.removeprefix("\ufeff")
    if "\0" in found:
        raise NotText("it holds NUL characters, as text never does; if it is UTF-16, save it as UTF-8")
    return found


def parsed(path: Path, most: int = LARGEST_BYTES) -> Any:
    """The value of a JSON file. Raises OSError, or ValueError with a sentence if it is not JSON."""
    return parse(text(path, most))


def parse(found: str) -> Any:
    """The value of JSON text. Raises ValueError with a sentence, also for brackets nested too deeply."""
    try:
        return json.loads(found)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None
