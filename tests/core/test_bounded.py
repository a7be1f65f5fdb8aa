"""Bytes as text and JSON: decoded where the encoding is certain, else refused in a sentence without a codec's words."""

import json

import pytest

from rnnbench.bounded import NotText, decoded, parsed
from rnnbench.errors import BadResults
from rnnbench.files import run_of

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
CODEC = ("codec", "can't decode", "surrogate", "BOM", "0x")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_is_read_in_every_encoding_that_it_may_have(tmp_path, encoding):
    """With and without a byte-order mark: JSON begins with two letters of ASCII, which tell."""
    (tmp_path / "x.json").write_bytes(json.dumps({"ü": [1, "é"]}, ensure_ascii=False).encode(encoding))
    assert parsed(tmp_path / "x.json") == {"ü": [1, "é"]}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("größe\n".encode("latin-1"), "not UTF-8 at byte 2 (line 1); save it as UTF-8"),
        (b"one\ntwo \xff\n", "not UTF-8 at byte 8 (line 2)"),
        ("text".encode("utf-16")[:-1], "not UTF-16 at byte 8"),
        ("слово\n".encode("utf-16-le"), "it holds NUL characters"),
        (b"text\0text", "it holds NUL characters"),
        (b"\xff\xfe\x00\xd8\x61\x00", "not UTF-16 at byte"),
    ],
)
def test_bytes_of_no_certain_encoding_are_refused_in_a_sentence(raw, said):
    """The byte, its line, and what to do; never the codec's own message."""
    with pytest.raises(NotText) as told:
        decoded(raw)
    assert said in str(told.value)
    assert not any(word in str(told.value) for word in CODEC)


@pytest.mark.parametrize("raw", [b"\xff{}", b"[" * 100_000, b"{", b""])
def test_a_run_that_is_no_json_is_told_without_codec_messages(raw):
    """Also where brackets nest without end."""
    with pytest.raises(BadResults, match="not JSON") as told:
        run_of(raw, [], "run.json")
    assert not any(word in str(told.value) for word in CODEC)


def test_a_byte_order_mark_before_a_run_is_passed_over():
    """An editor on Windows may have put it there."""
    with pytest.raises(BadResults) as told:
        run_of(b"\xef\xbb\xbf{}", [], "run.json")
    assert "not JSON" not in str(told.value)
