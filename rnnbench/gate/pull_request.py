"""One comment on a pull request, found again by its marker and updated in place, through GitHub's REST interface.

What comes from the pull request (its number, the verdict's text) is data: the number is believed only where that pull request's head is
the commit that was measured."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rnnbench.errors import BadValue, RnnbenchError

MARKER = "<!-- rnnbench verdict -->"
LONGEST = 65_536  # characters of a comment, by GitHub's documentation
_CUT = "\n\n*The rest is cut: see the job's summary.*"
_PAGE = 100
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_LARGEST_ANSWER = 32 * 2**20
_WAIT_S = 60


class CannotComment(RnnbenchError):
    """GitHub refused, or the pull request is not the one that was measured."""


@dataclass(frozen=True, slots=True)
class Repository:
    """`owner/name` at an API address such as https://api.github.com, with a token that may write comments."""

    name: str
    api: str
    token: str

    def __post_init__(self) -> None:
        if not _REPOSITORY.fullmatch(self.name):
            raise BadValue("--repository", self.name, "OWNER/NAME")
        if not self.api.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
            raise BadValue("GITHUB_API_URL", self.api, "an https:// address")

    def comment(self, number: int, head: str, text: str) -> str:
        """Write or update the comment; returns its address. Raises CannotComment where `head` is not the pull request's."""
        pull = self._ask("GET", f"pulls/{number}")
        found = pull.get("head", {}).get("sha") if isinstance(pull, dict) else None
        if found != head:
            raise CannotComment(f"pull request {number} of {self.name} is at {found}, not at {head}: it was changed since it was measured")
        body = {"body": bounded(text)}
        for one in self._comments(number):
            if str(one.get("body", "")).startswith(MARKER):
                return str(self._ask("PATCH", f"issues/comments/{int(one['id'])}", body)["html_url"])
        return str(self._ask("POST", f"issues/{number}/comments", body)["html_url"])

    def _comments(self, number: int) -> Iterator[dict[str, Any]]:
        """All comments, page by page."""
        page = 1
        while found := self._ask("GET", f"issues/{number}/comments?per_page={_PAGE}&page={page}"):
            yield from found
            if len(found) < _PAGE:
                return
            page += 1

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        address = f"{self.api}/repos/{self.name}/{path}"
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json", "User-Agent": "rnnbench"}
        request = urllib.request.Request(address, data=data, method=method, headers=headers)  # noqa: S310 - https, or the loopback
        try:
            with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:  # noqa: S310
                return json.loads(answer.read(_LARGEST_ANSWER))
        except urllib.error.HTTPError as error:
            raise CannotComment(f"GitHub answered {error.code} to {method} {path.partition('?')[0]}: {error.reason}") from None
        except (OSError, ValueError) as error:
            raise CannotComment(f"GitHub could not be reached ({method} {path.partition('?')[0]}): {error}") from None


def bounded(text: str) -> str:
    """The comment's body, behind its marker and no longer than GitHub takes. A cut falls between lines, and an open block is closed."""
    body = f"{MARKER}\n{text}"
    if len(body) <= LONGEST:
        return body
    kept = body[: LONGEST - len(_CUT) - len("\n</details>")].rpartition("\n")[0]
    if kept.count("<details>") > kept.count("</details>"):
        kept += "\n</details>"
    return kept + _CUT
