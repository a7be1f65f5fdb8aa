"""Kernels that torch has for accelerators only: the fused cells that nn.LSTM and nn.GRU call on any device but the CPU."""

import torch
from torch import Tensor


def lstm_cell(gates_x: Tensor, gates_h: Tensor, c: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None):
    """gates: (batch, 4 hidden), in the order i, f, g, o. Returns h, c and the workspace for backward."""
    gates = gates_x + gates_h + (0 if b_ih is None else b_ih + b_hh)
    i, f, g, o = gates.chunk(4, -1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return o * c.tanh(), c, torch.cat((i, f, g, o), -1)


def lstm_cell_backward(dh: Tensor | None, dc: Tensor | None, c: Tensor, c_new: Tensor, workspace: Tensor, has_bias: bool):
    """Returns the gradients of the gates, of c, and of either bias."""
    i, f, g, o = workspace.chunk(4, -1)
    th = c_new.tanh()
    dh = torch.zeros_like(c) if dh is None else dh
    dc = (0 if dc is None else dc) + dh * o * (1 - th * th)
    gates = torch.cat((dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * th * o * (1 - o)), -1)
    return gates, dc * f, gates.sum(0) if has_bias else None


def gru_cell(gates_x: Tensor, gates_h: Tensor, h: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None):
    """gates: (batch, 3 hidden), in the order r, z, n. Returns h and the workspace for backward."""
    if b_ih is not None:
        gates_x, gates_h = gates_x + b_ih, gates_h + b_hh
    (rx, zx, nx), (rh, zh, nh) = gates_x.chunk(3, -1), gates_h.chunk(3, -1)
    r, z = (rx + rh).sigmoid(), (zx + zh).sigmoid()
    n = (nx + r * nh).tanh()
    return n + z * (h - n), torch.cat((r, z, n, h, nh), -1)


def gru_cell_backward(dh: Tensor, workspace: Tensor, has_bias: bool):
    """Returns the gradients of either gates, of h, and of either bias."""
    r, z, n, h, nh = workspace.chunk(5, -1)
    dn = dh * (1 - z) * (1 - n * n)
    dz = dh * (h - n) * z * (1 - z)
    dr = dn * nh * r * (1 - r)
    gx, gh = torch.cat((dr, dz, dn), -1), torch.cat((dr, dz, dn * r), -1)
    return gx, gh, dh * z, gx.sum(0) if has_bias else None, gh.sum(0) if has_bias else None


KERNELS = {
    "_thnn_fused_lstm_cell": lstm_cell,
    "_thnn_fused_lstm_cell_backward_impl": lstm_cell_backward,
    "_thnn_fused_gru_cell": gru_cell,
    "_thnn_fused_gru_cell_backward": gru_cell_backward,
}
