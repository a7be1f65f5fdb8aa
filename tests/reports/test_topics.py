"""Topics: one file each, one ordered list, and the same sentences and tables in every form."""

import importlib
import pkgutil
import re
from dataclasses import replace

import numpy as np
import pytest

from rnnbench.analysis.frames import Loaded
from rnnbench.record import Run
from rnnbench.reports import topics
from rnnbench.reports.content import content, views
from rnnbench.reports.draw.rounds import rounds
from rnnbench.reports.forms.notebook import as_notebook
from rnnbench.reports.forms.page import render
from rnnbench.reports.forms.text import as_markdown, tables_of
from rnnbench.reports.topics.order import TOPICS, main_block, sentences
from rnnbench.reports.topics.topic import Topic
from tests.reports import factory


def decoded(**tail: float) -> Run:
    """Three variants that decode, their medians 1, 2 and 3 ms."""
    speed = {"lstm": 2e-3, "gru": 1e-3, "sru": 3e-3}
    records = []
    for case in factory.cases("decode", variant=tuple(speed), phase=("train",)):
        one = factory.record(case, step=lambda case: speed[case.variant], noise=0)
        metrics = {**one.metrics, "step_time_s": speed[case.variant], **{name: speed[case.variant] * times for name, times in tail.items()}}
        records.append(replace(one, case=replace(case, phase="decode"), metrics=metrics))
    about = {"name": "decode", "title": "One step", "question": "How long?", "x": "batch_size", "hue": "variant"}
    return replace(factory.run(records), suites=(about,))


def test_every_topic_is_in_the_list():
    """A file that defines a topic is walked, once."""
    modules = [importlib.import_module(f"{topics.__name__}.{one.name}") for one in pkgutil.iter_modules(topics.__path__)]
    defined = [module.TOPIC for module in modules if isinstance(getattr(module, "TOPIC", None), Topic)]
    assert len(defined) == len(TOPICS)
    assert all(topic in TOPICS for topic in defined)


def test_every_form_has_the_same_sentences_and_tables():
    """Page, Markdown and notebook carry each finding and each table's caption."""
    loaded = [Loaded(factory.depth_run())]
    report = content(loaded)
    (section,) = report.sections
    captions = [table.caption for table in tables_of(section)]
    assert len(captions) >= 3
    forms = [render(loaded), as_markdown(report), as_notebook(report)]
    for form in forms:
        assert all(caption in form for caption in captions)
        for one in section.findings:
            assert re.sub(r"\W+", "", one.text.split(" (")[0])[:40] in re.sub(r"<[^>]+>|&\w+;|\\u\w{4}|\W+", "", form)


def test_decoding_answers_with_its_tail():
    """The headline gives the median, p95 and p99, and the picture is an interval plot of all variants."""
    (view,) = views([decoded(p95_s=2, p99_s=5)])
    first, second, *_ = (one.text for one in sentences(view))
    assert first == "One decoding step of lstm takes 2.00 ms at the median, 4.00 ms at p95 and 10.0 ms at p99."
    assert "gru has the shortest p99, 5.00 ms, and sru the longest, 15.0 ms" in second
    block = main_block(view)
    assert block is not None
    assert block.draw is not None
    (panel,) = block.draw()
    assert "gru 1.00 ms, 2.00 ms, 5.00 ms" in panel.description
    assert [row[0].text for row in block.tables[0][1].rows] == ["gru", "lstm", "sru"]


def test_decoding_without_a_tail_says_so():
    """Too few steps for a p99 leave the median, and no invented tail."""
    (view,) = views([decoded()])
    assert sentences(view)[0].text == "One decoding step of lstm takes 2.00 ms at the median; too few steps were timed for a tail."


def test_no_round_is_below_minus_a_hundred_per_cent():
    """Rounds 40 times slower than the median stretch the axis to the right only."""
    times = [1e-3] * 90 + [40e-3] * 10
    panel = rounds(["lstm"], [times], ["#0b67b2"], "every round", "r")
    ticks = [float(text.replace(",", "").replace("−", "-")) for text in re.findall(r">(−?[\d,.]+)</text>", panel.svg)]
    assert min(ticks) >= -100
    assert max(ticks) > 1000


@pytest.mark.parametrize("variants", [2, 27])
def test_numbers_of_bars_never_overlap(variants: int):
    """Each bar has a line of its own: labels of neighbouring bars are at least a font's height apart."""
    grid = factory.cases("precision", variant=tuple(f"variant_{number}" for number in range(variants)), precision=("fp32", "bf16"))
    (view,) = views([factory.run([factory.record(case) for case in grid])])
    view = replace(view, sweep=replace(view.sweep, x="variant", hue="precision"))
    block = main_block(view)
    assert block is not None
    assert block.draw is not None
    (panel,) = block.draw()
    label = r'<text[^>]*font-size: 8px[^>]*?(?:y="([\d.-]+)"|translate\([\d.-]+ ([\d.-]+)\))'
    texts = re.findall(label, panel.svg)
    heights = np.sort([float(one or other) for one, other in texts])
    assert len(heights) >= 2 * variants
    assert np.diff(heights).min() >= 8


def test_a_share_above_the_ceiling_is_explained():
    """More than 100 % of a ceiling is marked in its row, and a sentence says that the ceiling is too low."""
    one = factory.record(factory.Case(suite="depth"))
    run = factory.run([replace(one, metrics={**one.metrics, "ceiling_share": 1.04})])
    report = content([Loaded(run)])
    assert any("exceeds the measured ceiling, by up to 4 %" in sentence.text for sentence in report.sections[0].troubles)
    assert any("104.0 % (above the measured ceiling)" in cell for cell in report.table.cells[0])


def test_the_lost_setting_is_named_as_lost():
    """A setting that another wins reads as that, not as a win of the first."""
    speed = {"lstm": 1.0, "gru": 2.0, "elman": 3.0}
    step = lambda case: 1e-3 * (0.2 if (case.variant, case.depth) == ("elman", 2) else speed[case.variant])  # noqa: E731
    grid = factory.cases("depth", variant=tuple(speed), depth=(1, 2, 4))
    (view,) = views([factory.run([factory.record(case, step=step, noise=0.002) for case in grid])])
    text = next(one.text for one in sentences(view) if one.text.startswith("Fastest in"))
    assert "lstm in 2 of 3 settings, clearly (elman is faster at 2 layers)" in text
