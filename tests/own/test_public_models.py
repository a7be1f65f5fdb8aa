"""Models of another package as they are, through their own `forward(**batch)`. The package comes with `tox -e thirdparty`."""

import pytest
import torch

import rnnbench

transformers = pytest.importorskip("transformers", reason="transformers is not installed: tox -e thirdparty")

SIZES = {"vocab_size": 101, "hidden_size": 32, "num_hidden_layers": 2}
MODELS = {
    "rwkv": lambda: transformers.RwkvForCausalLM(transformers.RwkvConfig(**SIZES, attention_hidden_size=32, context_length=64)),
    "mamba": lambda: transformers.MambaForCausalLM(transformers.MambaConfig(**SIZES, state_size=8)),
    "gpt2": lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=101, n_embd=32, n_layer=2, n_head=2)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_public_model_is_measured_as_it_is(name):
    """Forward and train step in fp32 and bf16, with the loss that its output holds; tokens are those that the mask lets through."""
    ids = torch.randint(0, 101, (3, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    batch = {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}
    records = rnnbench.measure(MODELS[name](), batch, precision=("fp32", "bf16"), clip_norm=1.0, budget=0.01)
    assert len(records) == 4
    assert {(one.status, one.reason) for one in records} == {("ok", "")}
    for one in records:
        assert one.metrics["padding_share"] == pytest.approx(4 / 36)
        assert one.metrics["tokens_per_s"] * one.metrics["step_time_s"] == pytest.approx(32)
        assert one.metrics["parameters"] == sum(p.numel() for p in MODELS[name]().parameters())
