"""Which GPU a CUDA index means: CUDA_VISIBLE_DEVICES as CUDA reads it."""

from collections.abc import Iterator

Name = int | str
"""An index among all GPUs, or (the beginning of) a UUID: GPU-… or MIG-…"""


def visible(text: str | None) -> list[Name] | None:
    """What the variable lists, in order: none where it is not set and all GPUs count.

    CUDA stops at the first entry that is no GPU (-1 is the usual one), takes UUIDs by their beginnings, does not mix the two forms,
    and sees nothing at all where an entry stands twice.
    """
    if text is None:
        return None
    found = list(_entries(text))
    return found if len(set(found)) == len(found) else []


def _entries(text: str) -> Iterator[Name]:
    kind: type | None = None
    for entry in (one.strip() for one in text.split(",")):
        name: Name
        if entry.startswith(("GPU-", "MIG-")):
            name = entry
        elif entry.isascii() and entry.isdigit():
            name = int(entry)
        else:
            return
        if kind not in (None, type(name)):
            return
        kind = type(name)
        yield name


def named(index: int, text: str | None) -> Name:
    """The GPU that CUDA calls `index`. Raises LookupError where the variable hides it."""
    listed = visible(text)
    if listed is None:
        return index
    if index >= len(listed):
        raise LookupError(f"CUDA_VISIBLE_DEVICES={text!r} shows {len(listed)} GPUs, so there is no cuda:{index}")
    return listed[index]
