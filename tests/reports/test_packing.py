"""The report on sequences of unlike length: packings against padding, and what padding itself costs."""

import re
from dataclasses import replace

from rnnbench.analysis.frames import Loaded
from rnnbench.reports.content import content
from tests.reports import factory


def told(**step_ms: dict[str, float]) -> list[tuple[str, str]]:
    """Kind and text of each sentence on lstm and gru at uniform lengths, half of which is padding; step times by variant and packing."""
    records = []
    for lengths, packings in (("fixed", ("padded",)), ("uniform", ("padded", "packed", "bucketed"))):
        for case in factory.cases("packing", variant=tuple(step_ms), lengths=(lengths,), packing=packings, depth=(1,)):
            spent_s = step_ms[case.variant]["padded" if lengths == "fixed" else case.packing] / 1000
            for process in range(6):
                one = factory.record(case, process=process, step=lambda _, spent_s=spent_s: spent_s, rounds=12, noise=0.002)
                real = (1.0 if lengths == "fixed" else 0.5) * case.batch_size * case.seq_len
                share = {"padding_share": 0.5} if lengths == "uniform" and case.packing == "padded" else {}
                records.append(replace(one, metrics={**one.metrics, "tokens_per_s": real / one.metrics["step_time_s"], **share}))
    about = {"name": "packing", "title": "", "question": "", "x": "packing", "hue": "variant", "baseline": "packing=padded, lengths=fixed"}
    run = replace(factory.run(records), suites=(about,))
    (section,) = content([Loaded(run)]).sections
    return [(one.kind, one.text) for one in section.findings]


def test_the_answer_is_each_packing_against_padding():
    """Where all variants agree, one sentence; the cost of padding follows as a finding."""
    times = {"padded": 10.0, "packed": 30.0, "bucketed": 5.0}
    found = told(lstm=times, gru=times)
    assert [kind for kind, _ in found[:5]] == ["answer"] * 5
    costs, packings = [text for _, text in found[:3]], [text for _, text in found[3:5]]
    for text, packing, slower in zip(costs, ("padded", "packed", "bucketed"), ("2.00×", "6.00×", ""), strict=True):
        if slower:
            assert text.startswith(f"A {packing} batch of uniform lengths is {slower} slower than a batch of equal lengths (")
        else:
            assert text.startswith("a bucketed batch of uniform lengths and a batch of equal lengths are within".capitalize())
    assert costs[0].endswith("2 matched pairs). This is per real time step: 50 % of the positions are padding.")
    assert costs[1].endswith("This is per real time step.")
    assert packings[0].startswith("Packing uniform lengths is 3.00× slower than padding (")
    assert packings[1].startswith("Bucketing uniform lengths is 2.00× faster than padding (")


def test_variants_that_disagree_are_told_apart():
    """Packing may cost one network and save another."""
    found = told(lstm={"padded": 10.0, "packed": 30.0, "bucketed": 5.0}, gru={"padded": 10.0, "packed": 8.0, "bucketed": 5.0})
    (text,) = (text for _, text in found if "packing uniform" in text)
    times = r"\(\d[\d.]+–\d[\d.]+×\)"
    said = rf"Compared with padding, packing uniform lengths is 3\.00× slower for lstm {times} and 1\.25× faster for gru {times}"
    assert re.fullmatch(said + r" \(2 matched pairs\)\.", text)


def test_no_ratio_of_times_is_told_without_an_interval():
    """Of networks that disagree, one within its noise: its range is told, and the sentence does not call it a gain."""
    found = told(lstm={"padded": 10.0, "packed": 30.0, "bucketed": 5.0}, gru={"padded": 10.0, "packed": 10.0, "bucketed": 5.0})
    (text,) = (text for _, text in found if "packing uniform" in text)
    assert "3.00× slower for lstm" in text
    assert re.search(r"; inconclusive: for gru it ranges from 1\.\d+× faster to 1\.\d+× slower \(2 matched pairs\)\.$", text)
