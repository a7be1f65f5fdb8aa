"""The report topics in the order in which pages, Markdown and notebooks walk them. A new topic is a file here and a row below."""

from collections.abc import Iterator

from rnnbench.reports.topics import (
    application_cost,
    breakdown,
    choice,
    cliffs,
    crossings,
    decoding,
    failures,
    growth,
    noise,
    packing,
    paired_baseline,
    parallel_efficiency,
    roofline,
    speedups,
    steadiness,
    training,
)
from rnnbench.reports.topics.topic import Block, Sentence, Topic, View

TOPICS: tuple[Topic, ...] = (
    noise.TOPIC,
    training.TOPIC,
    decoding.TOPIC,
    parallel_efficiency.TOPIC,
    cliffs.TOPIC,
    packing.TOPIC,
    crossings.TOPIC,
    application_cost.TOPIC,
    paired_baseline.TOPIC,
    growth.TOPIC,
    speedups.TOPIC,
    choice.TOPIC,
    breakdown.TOPIC,
    roofline.TOPIC,
    steadiness.TOPIC,
    failures.TOPIC,
)
_RANKS = {"answer": 0, "finding": 1, "trouble": 2}


def sentences(view: View) -> list[Sentence]:
    """Every sentence on a suite, the answer first and what went wrong last."""
    found = [one for topic in TOPICS if topic.speaks(view) for one in topic.sentences(view)]
    if all(one.kind == "trouble" for one in found):
        found = [*growth.fallback(view), *found]
    return sorted(found, key=lambda one: _RANKS[one.kind])


def main_block(view: View) -> Block | None:
    """What stands beside the answer."""
    return next((block for topic in TOPICS if topic.speaks(view) and (block := topic.main(view))), None)


def blocks(view: View) -> Iterator[Block]:
    """Every further table and figure."""
    for topic in TOPICS:
        if topic.speaks(view):
            yield from topic.blocks(view)
