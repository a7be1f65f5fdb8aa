"""The verdict as JSON over real HTTP; what goes wrong there is told and fails nothing."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rnnbench.errors import BadValue
from rnnbench.gate.webhook import checked, place
from tests.gate.test_commands import TINY
from tests.tools import command


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent. The path is the status that it answers with."""

    sent: list[tuple[str, dict]]

    def do_POST(self):
        self.sent.append((self.headers["Content-Type"], json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        self.send_response(int(self.path.rpartition("/")[2]))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    """What it was sent, and its address."""
    handler = type("One", (Receiver,), {"sent": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield handler.sent, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_compare_sends_its_verdict(typed, folder, receiver):
    """One POST of JSON: a sentence for a chat, every finding, and the exit status of the command."""
    sent, address = receiver
    ended = typed("compare", "base", "slow", "--webhook", f"{address}/204", cwd=folder)
    ((kind, body),) = sent
    assert (kind, ended.code, ended.err) == ("application/json", 3, "")
    assert (body["kind"], body["exit_code"], body["counts"]["regressed"]) == ("comparison", 3, 1)
    assert body["text"].startswith("rnnbench: 1 regressed")
    assert body["findings"][0]["metric"] == "step_time_s"


def test_history_sends_its_series(typed, folder, receiver):
    """The address can come from the environment, where other users of the machine do not see it."""
    sent, address = receiver
    assert typed("history", cwd=folder, RNNBENCH_WEBHOOK=f"{address}/200").code == 0
    assert (sent[0][1]["kind"], sent[0][1]["runs"]) == ("history", 7)
    assert "change point" in sent[0][1]["text"]


@pytest.mark.parametrize(("status", "told"), [(500, "it answered 500"), (404, "it answered 404"), (302, "it answered 302")])
def test_a_refusal_is_told_and_changes_nothing(typed, folder, receiver, status, told):
    """The exit status is the comparison's, the sentence names the host, and nothing of the address's secret path is printed."""
    sent, address = receiver
    ended = typed("compare", "base", "same", "--webhook", f"{address}/secret/{status}", cwd=folder)
    assert (ended.code, len(sent)) == (0, 1)
    assert told in ended.err
    assert "secret" not in ended.err


def test_nobody_there_is_told(typed, folder, receiver):
    """A port that nothing listens on: the comparison is printed all the same."""
    with HTTPServer(("127.0.0.1", 0), Receiver) as closed:
        port = closed.server_port
    ended = typed("compare", "base", "slow", "--webhook", f"http://127.0.0.1:{port}/x", cwd=folder)
    assert ended.code == 3
    assert "did not take the verdict" in ended.err
    assert "1 regressed" in ended.out


@pytest.mark.parametrize(
    "address", ["hooks.example.com/T0/secret", "file:///etc/secret", "https://", "http://a b/secret", "http://a:x/secret"]
)
def test_an_address_that_is_none_is_refused_first(typed, folder, address):
    """Exit status 2 before anything is measured; of the address only the host is quoted."""
    ended = typed("compare", "base", "slow", "--webhook", address, cwd=folder)
    assert ended.code == 2
    assert "an http:// or https:// address" in ended.err
    assert "secret" not in ended.err


def test_what_is_shown_of_an_address():
    """Scheme and host: no user, path or query."""
    assert place("https://me:pass@hooks.example.com:8443/T0?key=1") == "https://hooks.example.com:8443"
    with pytest.raises(BadValue):
        checked("https://hooks.example.com/a\nb")


@pytest.mark.slow
def test_a_duet_sends_its_verdict(tmp_path, receiver):
    """The same JSON at the end of a duet."""
    sent, address = receiver
    words = ("--suite", "depth", *TINY, "--set-a", "seed=0", "--set-b", "seed=1", "--pairs", "5", "--webhook", f"{address}/200")
    ended = command("duet", *words, cwd=tmp_path)
    ((_, body),) = sent
    assert (body["kind"], body["exit_code"], body["paired"]) == ("comparison", ended.code, True)
