"""Names of files made from names of runs and cases."""

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def safe_name(text: str, longest: int = 100) -> str:
    """`text` fit for any file system, with a digest of the whole where something had to go."""
    safe = _UNSAFE.sub("-", text).strip(".-+") or "report"
    if safe == text and len(safe) <= longest:
        return safe
    return f"{safe[:longest]}-{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"
