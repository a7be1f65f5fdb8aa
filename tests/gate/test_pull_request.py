"""The verdict as a pull request's comment, over real HTTP against a server that answers as GitHub's REST interface does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rnnbench.gate.pull_request import LONGEST, MARKER, bounded
from tests.tools import command

HEAD = "a" * 40


class GitHub(BaseHTTPRequestHandler):
    """Pull request 7 of octo/repo, whose comments are kept in `comments`."""

    comments: list[dict]
    asked: list[str]

    def do_GET(self):
        if self.path == "/repos/octo/repo/pulls/7":
            return self.answer({"head": {"sha": HEAD}})
        if self.path.startswith("/repos/octo/repo/issues/7/comments?per_page=100&page="):
            page = int(self.path.rpartition("=")[2])
            return self.answer(self.comments[100 * page - 100 : 100 * page])
        return self.send_error(404)

    def do_POST(self):
        made = {"id": len(self.comments) + 1, "body": self.body(), "html_url": f"https://github.example/c/{len(self.comments) + 1}"}
        self.comments.append(made)
        self.answer(made)

    def do_PATCH(self):
        (found,) = (one for one in self.comments if one["id"] == int(self.path.rpartition("/")[2]))
        found["body"] = self.body()
        self.answer(found)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

    def answer(self, value):
        self.asked.append(f"{self.command} {self.headers['Authorization']}")
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def github():
    handler = type("One", (GitHub,), {"comments": [], "asked": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def comment(folder, api, text, number="7", head=HEAD, token="secret"):
    (folder / "verdict.md").write_text(text)
    (folder / "number").write_text(number)
    words = ("comment", "verdict.md", "--number-file", "number", "--head", head, "--repository", "octo/repo")
    return command(*words, cwd=folder, GITHUB_TOKEN=token, GITHUB_API_URL=api)


def test_the_comment_is_written_once_and_then_updated(github, tmp_path):
    """Two verdicts leave one comment with the second's text, also behind a hundred others; the token is the environment's."""
    handler, api = github
    handler.comments += [{"id": 1000 + n, "body": "hello", "html_url": ""} for n in range(130)]
    assert comment(tmp_path, api, "first").out == "https://github.example/c/131\n"
    done = comment(tmp_path, api, "second")
    assert done.code == 0, done.err
    ours = [one["body"] for one in handler.comments if one["body"].startswith(MARKER)]
    assert ours == [f"{MARKER}\nsecond"]
    assert {one.partition(" ")[2] for one in handler.asked} == {"Bearer secret"}


def test_another_commit_gets_no_comment(github, tmp_path):
    """A number that the artifact made up, or a pull request that has moved on, is refused before anything is written."""
    handler, api = github
    done = comment(tmp_path, api, "text", head="b" * 40)
    assert done.code == 1
    assert "was changed since it was measured" in done.err
    assert not handler.comments


@pytest.mark.parametrize("number", ["8", "7; rm", "", "../7"])
def test_a_number_that_is_none_is_refused(github, tmp_path, number):
    """Another pull request, or what is no number, ends in one sentence."""
    handler, api = github
    done = comment(tmp_path, api, "text", number=number)
    assert done.code in (1, 2)
    assert done.err.count("\n") == 1
    assert not handler.comments


def test_a_token_is_wanted(github, tmp_path):
    """Without GITHUB_TOKEN it ends with 2."""
    assert comment(tmp_path, github[1], "text", token="").code == 2


def test_what_is_too_long_is_cut_between_lines():
    """A comment holds at most GitHub's number of characters, says that it was cut, and closes what it opened."""
    body = bounded("<details>\n" + "a row\n" * 40_000)
    assert len(body) <= LONGEST
    assert body.endswith("*The rest is cut: see the job's summary.*")
    assert body.count("<details>") == body.count("</details>")
