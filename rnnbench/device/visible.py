"""Which GPU a CUDA index means, given CUDA_VISIBLE_DEVICES."""

from collections.abc import Iterator

Name = int | str
"""An index among all GPUs, or a UUID or its prefix: GPU-… or MIG-…"""


def visible(text: str | None) -> list[Name] | None:
    """The GPUs that the variable lists, in order; None if it is not set, so that all GPUs are visible.

    CUDA stops at the first entry that is not a GPU (usually -1), accepts prefixes of UUIDs, does not mix the two forms,
    and sees no GPU at all if an entry is repeated.
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
