"""Ceilings of products: found among many sizes and shapes, whatever the machine's speed."""

import pytest
import torch

from rnnbench.device import ceilings, machine_cache
from rnnbench.device.devices import Device


@pytest.mark.parametrize("rate", [1e9, 1e11, 1e13])
def test_many_products_are_tried(rate, monkeypatch):
    """On a machine of 100 GFLOP/s or more at least five sizes, each square and tall; on a hundredth of that the smallest must do."""
    tried = []

    def products(rows, inner, columns, dtype, device):
        tried.append((rows, inner, columns))
        yield lambda: None

    monkeypatch.setattr(ceilings, "_products", products)
    monkeypatch.setattr(ceilings, "_shortest_s", lambda call, clock: 2 * tried[-1][0] * tried[-1][1] * tried[-1][2] / rate)
    assert ceilings.products_per_s("fp32", Device("cpu")) == pytest.approx(rate)
    assert len(tried) >= (10 if rate >= 1e11 else 2)
    assert {rows == inner for rows, inner, _ in tried} == {True, False}


def test_the_best_product_counts_whichever_it_is(monkeypatch):
    """Where tall products are the fastest, the ceiling is theirs."""
    monkeypatch.setattr(ceilings, "_products", lambda rows, inner, *_: iter([lambda: (rows, inner)]))
    monkeypatch.setattr(ceilings, "SIZES", (64,))
    taken = {(64, 64): 2e-3, (256, 32): 1e-3}
    monkeypatch.setattr(ceilings, "_shortest_s", lambda call, clock: taken[call()])
    assert ceilings.products_per_s("fp32", Device("cpu")) == 2 * 64**3 / 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_way_of_a_product_gives_the_product(dtype, monkeypatch):
    """torch's own and oneDNN's give (rows, columns), the same but for rounding."""
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("oneDNN has no bf16 here")
    given = [call() for call in ceilings._products(12, 5, 7, dtype, Device("cpu"))]
    assert {tuple(one.shape) for one in given} == {(12, 7)}
    for one in given[1:]:
        torch.testing.assert_close(one, given[0])


def test_what_another_method_measured_is_measured_again(tmp_path, monkeypatch):
    """Ceilings that an older rnnbench kept are not taken: they came from fewer products."""
    machine = {"hostname": "a"}
    monkeypatch.setattr(machine_cache, "METHOD", machine_cache.METHOD - 1)
    machine_cache.keep(tmp_path, machine_cache.machine_key(machine, "cpu"), ceilings.Ceilings(device="cpu", flops_per_s={"fp32": 1.0}))
    monkeypatch.undo()
    assert machine_cache.ceilings_known(tmp_path, machine_cache.machine_key(machine, "cpu")) is None
