"""A verdict for a webhook: one HTTP POST of JSON. A failure becomes a sentence and never changes a gate's exit status."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from rnnbench.errors import BadValue

WAIT_S = 10


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body, so it counts as an error."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def checked(address: str) -> str:
    """The address, if it is one. Raises BadValue, which quotes only scheme and host: the rest of such an address is often a secret."""
    try:
        parts = urlsplit(address)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits or any(letter <= " " for letter in address):
        raise BadValue("--webhook", place(address), "an http:// or https:// address")
    return address


def place(address: str) -> str:
    """Scheme and host of an address, without user, path and query."""
    scheme, mark, rest = address.partition("://")
    head = (rest if mark else scheme).partition("/")[0].partition("?")[0].rpartition("@")[2]
    return f"{scheme}{mark}{head}" if mark else head


def post(address: str, body: Mapping[str, Any], text: str) -> str:
    """Send `body` with the field `text`, a sentence that chat services show. Returns what went wrong, or "" if it was accepted (2xx)."""
    data = json.dumps({"text": text, **body}).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "rnnbench"}
    try:
        request = urllib.request.Request(address, data=data, method="POST", headers=headers)  # noqa: S310 - checked() saw the scheme
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=WAIT_S):
            return ""
    except urllib.error.HTTPError as error:
        reason = f"it answered {error.code} {error.reason}".rstrip()
        error.close()
    except urllib.error.URLError as error:
        reason = str(error.reason)
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = f"{type(error).__name__}: {error}"
    return f"the webhook at {place(address)} did not take the verdict: {reason}; the exit status is unchanged"
