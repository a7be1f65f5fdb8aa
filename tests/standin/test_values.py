"""The stand-in's values are the CPU's, so that a test of losses and gradients means something on it."""

import json

import pytest

from tests.standin.support import python

NETWORK = """
import json, torch
torch.manual_seed(1)
model = torch.nn.{kind}(5, 7, 2, bidirectional=True)
x = torch.randn(6, 3, 5)
def gradients(x):
    model.zero_grad()
    out = model(x)[0]
    (out ** 2).sum().backward()
    return [out.detach().cpu(), *(p.grad.cpu().clone() for p in model.parameters())]
here = gradients(x)
model.to("cuda")
there = gradients(x.cuda())
print(json.dumps(max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(here, there))))
"""


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_networks_agree_with_the_cpu(kind, tmp_path):
    """Outputs and gradients of a fused network are the CPU's within rounding."""
    assert json.loads(python(NETWORK.format(kind=kind), cwd=tmp_path, values=True)) < 1e-5


def test_training_lowers_the_loss(tmp_path):
    """Thirty steps of AdamW under fp16 autocast with a loss scaler lower the loss."""
    script = """
import torch
torch.manual_seed(1)
model = torch.nn.LSTM(8, 16).cuda()
optimizer, scaler = torch.optim.AdamW(model.parameters(), lr=1e-2, fused=True), torch.amp.GradScaler("cuda")
x, losses = torch.randn(5, 4, 8, device="cuda"), []
for _ in range(30):
    optimizer.zero_grad()
    with torch.autocast("cuda", torch.float16):
        loss = ((model(x)[0].float() - x.mean()) ** 2).mean()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    losses.append(loss.item())
print(losses[-1] / losses[0])
"""
    assert float(python(script, cwd=tmp_path, values=True).splitlines()[-1]) < 0.8
