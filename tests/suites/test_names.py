"""Suites measure what they name: at the sizes of every suite, device and preset a variant is what its name says, and no other's twin."""

from collections import defaultdict
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest
import torch

from rnnbench.budget import PRESETS
from rnnbench.measure.workload import INFERENCE
from rnnbench.runs import catalog
from rnnbench.variants import VARIANTS
from rnnbench.variants.griffin import attending
from rnnbench.variants.student import shallow
from tests.suites.test_grids import NAMES

DECLARED = {name: one.axes for name, one in VARIANTS.all().items()}
STEPS = 16


def sparse(case):
    """Whether the variant scores fewer pairs of positions than dense attention at the same sizes."""
    return VARIANTS[case.variant].flops(case) < VARIANTS["transformer"].flops(replace(case, variant="transformer"))


def attends_and_recurs(case):
    return 0 < attending(case) < case.depth and case.window < case.seq_len


def has_several_layers(case):
    return case.depth > 1


def drops(case):
    return case.depth > 1 and case.phase not in INFERENCE


def is_shallower(case):
    return shallow(case).depth < case.depth


def looks_back(case):
    return case.seq_len > 1


IS_WHAT_IT_SAYS = {
    **dict.fromkeys(("window_attention", "their_window_attention", "strided_attention", "block_sparse"), sparse),
    **dict.fromkeys(("act_lstm", "early_exit_lstm"), has_several_layers),
    **dict.fromkeys(("lstm_attention", "translation_attention", "transformer", "linear_attention"), looks_back),
    "griffin": attends_and_recurs,
    "drop_lstm": drops,
    "student": is_shallower,
}


def cases(name, device, preset):
    return catalog.find(name).suite.expand(device, preset, declared=DECLARED)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("preset", PRESETS)
def test_every_variant_is_what_its_name_says(name, device, preset):
    """Sparse attention leaves something out, Griffin has blocks of both kinds and a window that ends, early exit has an exit, dropout
    drops, a student is shallower than its teacher."""
    assert [
        str(case) for case in cases(name, device, preset) if case.variant in IS_WHAT_IT_SAYS and not IS_WHAT_IT_SAYS[case.variant](case)
    ] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("preset", PRESETS)
def test_no_two_variants_of_a_suite_compute_the_same(name, device, preset):
    """On equal weights, with equal seeds, variants of one setting give different outputs. A variant that is another package's code is
    meant to compute what ours does."""
    settings = defaultdict(set)
    for case in cases(name, device, preset):
        if case.phase != "isolation" and not VARIANTS[case.variant].package:
            settings[small(replace(case, variant="lstm"))].add(small(case))
    twins = {pair for found in settings.values() for pair in combinations(sorted(found, key=str), 2) if same_function(*pair)}
    assert {(str(a), str(b)) for a, b in twins} == set()


def small(case):
    """The case at sizes that are quick to run, with as many layers, and a window or block that ends within the sequence where its does."""
    ends = case.window < case.seq_len
    many = case.variant == "block_sparse" and sparse(case)
    return replace(
        case,
        suite="s",
        task="random",
        phase="forward" if case.phase in INFERENCE else "train",
        hidden_size=8,
        input_size=8 if case.input_size == case.hidden_size else 5,
        batch_size=3,
        seq_len=min(case.seq_len, STEPS),
        window=4 if ends else STEPS,
        block_size=1 if many else STEPS,
        precision="fp32",
        device="cpu",
        execution="eager",
        **dict.fromkeys(("clip_norm", "optimizer", "lr", "schedule", "max_steps", "bucket_mib")),
        distilled=False,
        seed=0,
        processes=1,
        scaling="strong",
        accumulation=1,
        implementation="loop",
    )


@cache
def same_function(first, second):
    """Whether two cases give the same output with the first one's weights; networks of unlike weights do not."""
    modules = [VARIANTS[case.variant].module(implemented(case)) for case in (first, second)]
    weights = [list(module.state_dict().items()) for module in modules]
    if [value.shape for _, value in weights[0]] != [value.shape for _, value in weights[1]]:
        return False
    modules[1].load_state_dict({key: value for (key, _), (_, value) in zip(weights[1], weights[0], strict=True)})
    outputs = []
    for module in modules:
        torch.manual_seed(0)
        found = module.train(first.phase == "train")(torch.randn(first.seq_len, first.batch_size, first.input_size))
        outputs.append(found if isinstance(found, torch.Tensor) else found[0])
    return outputs[0].shape == outputs[1].shape and torch.allclose(outputs[0], outputs[1], atol=1e-6)


def implemented(case):
    """In a way that the variant has."""
    ways = VARIANTS[case.variant].implementations
    return replace(case, implementation="loop" if "loop" in ways else ways[0])


def test_a_twin_is_recognised():
    """The comparison itself: dropout at one layer is lstm, and a window that is as long as the sequence is dense attention."""
    one = small(cases("depth", "cpu", "quick")[0])
    assert same_function(replace(one, variant="drop_lstm", depth=1), replace(one, variant="lstm", depth=1))
    assert same_function(replace(one, variant="window_attention", window=STEPS), replace(one, variant="transformer"))
    assert not same_function(replace(one, variant="elman"), replace(one, variant="elman_relu"))
