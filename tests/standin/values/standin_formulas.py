"""Values of the operators that have no kernel on the CPU: cuDNN's recurrent networks, fused cells, fused attention."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from standin_memory import MOST, over, put, zeros

ALONE = ThreadPoolExecutor(1, "standin-values")  # a thread of its own: autograd and autocast are as new there
MODES = {0: torch.rnn_relu, 1: torch.rnn_tanh, 2: torch.lstm, 3: torch.gru}


def network(x, weights, stride, hx, cx, mode, layers, batch_first, bidirectional, batch_sizes):
    hidden = (hx, cx) if mode == 2 else hx
    rest = (weights, stride == 4 or stride == 5, layers, 0.0, False, bidirectional)
    return MODES[mode](x, batch_sizes, hidden, *rest) if len(batch_sizes) else MODES[mode](x, hidden, *rest, batch_first)


def shaped(weights, stride, width, mode, hidden, proj, bidirectional):
    """The weights in their own shapes: autocast hands their lower copies over flat."""
    gates, out, ways = {0: 1, 1: 1, 2: 4, 3: 3}[mode] * hidden, proj or hidden, 1 + bidirectional
    found = []
    for group in range(0, len(weights), stride):
        into = width if group // stride < ways else out * ways
        shapes = [(gates, into), (gates, out), *([(gates,)] * 2 if stride > 3 else []), *([(out, hidden)] if proj else [])]
        found += [one.reshape(shape) for one, shape in zip(weights[group : group + stride], shapes, strict=True)]
    return found


def wide(tensor):
    return None if tensor is None else over(tensor).detach().to(torch.promote_types(tensor.dtype, torch.float32))


def cudnn_rnn(kernel):
    def run(
        keyset,
        x,
        weight,
        stride,
        buffer,
        hx,
        cx,
        mode,
        hidden,
        proj,
        layers,
        batch_first,
        dropout,
        train,
        bidirectional,
        batch_sizes,
        state,
    ):
        results = kernel.call_boxed(
            keyset,
            x,
            weight,
            stride,
            buffer,
            hx,
            cx,
            mode,
            hidden,
            proj,
            layers,
            batch_first,
            dropout,
            train,
            bidirectional,
            batch_sizes,
            state,
        )
        sizes = torch.tensor(batch_sizes) if len(batch_sizes) else ()
        if 2 * sum(one.numel() for one in weight) * x[..., 0].numel() > MOST:
            put(results[:3], zeros(results[:3]))
            return results
        weights = shaped([wide(w) for w in weight], stride, x.shape[-1], mode, hidden, proj, bidirectional)
        low = (wide(x), weights, stride, wide(hx), wide(cx), mode, layers, batch_first, bidirectional, sizes)
        with torch.no_grad():
            put(results[:3], ALONE.submit(torch.no_grad()(network), *low).result())
        return results

    return run


def cudnn_rnn_backward(kernel):
    def run(
        keyset,
        x,
        weight,
        stride,
        buffer,
        hx,
        cx,
        output,
        g_out,
        g_hy,
        g_cy,
        mode,
        hidden,
        proj,
        layers,
        batch_first,
        dropout,
        train,
        bidirectional,
        batch_sizes,
        state,
        reserve,
        mask,
    ):
        args = (
            x,
            weight,
            stride,
            buffer,
            hx,
            cx,
            output,
            g_out,
            g_hy,
            g_cy,
            mode,
            hidden,
            proj,
            layers,
            batch_first,
            dropout,
            train,
            bidirectional,
            batch_sizes,
            state,
            reserve,
            mask,
        )
        results = kernel.call_boxed(keyset, *args)

        if 4 * sum(one.numel() for one in weight) * x[..., 0].numel() > MOST:
            put(results, zeros(results))
            return results

        def gradients():
            leaves = [
                wide(x),
                wide(hx),
                wide(cx),
                *shaped([wide(w) for w in weight], stride, x.shape[-1], mode, hidden, proj, bidirectional),
            ]
            for leaf in leaves:
                if leaf is not None:
                    leaf.requires_grad_()
            sizes = torch.tensor(batch_sizes) if len(batch_sizes) else ()
            outs = network(leaves[0], leaves[3:], stride, leaves[1], leaves[2], mode, layers, batch_first, bidirectional, sizes)
            pairs = [(out, wide(g)) for out, g in zip(outs, (g_out, g_hy, g_cy), strict=False) if g is not None]
            asked = [leaf for leaf in leaves if leaf is not None]
            found = iter(torch.autograd.grad([o for o, _ in pairs], asked, [g for _, g in pairs], allow_unused=True))
            return [None if leaf is None else next(found) for leaf in leaves]

        grads = ALONE.submit(gradients).result()
        grads = [torch.zeros(1) if g is None else g for g in grads]
        put(results[:3], grads[:3])
        put(results[3], grads[3:])
        return results

    return run


def lstm_cell(kernel):
    def run(keyset, gx, gh, cx, bx=None, bh=None):
        results = kernel.call_boxed(keyset, gx, gh, cx, bx, bh)
        gates = wide(gx) + wide(gh) + (0 if bx is None else wide(bx) + wide(bh))
        i, f, g, o = gates.chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * wide(cx) + i * g
        put(results, (o * c.tanh(), c, torch.cat((i, f, g, o), 1)))
        return results

    return run


def lstm_cell_backward(kernel):
    def run(keyset, g_hy, g_cy, cx, cy, workspace, has_bias):
        results = kernel.call_boxed(keyset, g_hy, g_cy, cx, cy, workspace, has_bias)
        i, f, g, o = wide(workspace).chunk(4, 1)
        t = wide(cy).tanh()
        dh = torch.zeros_like(t) if g_hy is None else wide(g_hy)
        dc = dh * o * (1 - t * t) + (0 if g_cy is None else wide(g_cy))
        gates = torch.cat((dc * g * i * (1 - i), dc * wide(cx) * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)), 1)
        put(results, (gates, dc * f, gates.sum(0)))
        return results

    return run


def gru_cell(kernel):
    def run(keyset, gx, gh, hx, bx=None, bh=None):
        results = kernel.call_boxed(keyset, gx, gh, hx, bx, bh)
        a, b = wide(gx) + (0 if bx is None else wide(bx)), wide(gh) + (0 if bh is None else wide(bh))
        (ar, az, an), (br, bz, bn), h = a.chunk(3, 1), b.chunk(3, 1), wide(hx)
        r, z = (ar + br).sigmoid(), (az + bz).sigmoid()
        n = (an + r * bn).tanh()
        put(results, (n + z * (h - n), torch.cat((r, z, n, h, bn), 1)))
        return results

    return run


def gru_cell_backward(kernel):
    def run(keyset, g_hy, workspace, has_bias):
        results = kernel.call_boxed(keyset, g_hy, workspace, has_bias)
        r, z, n, h, bn = wide(workspace).chunk(5, 1)
        g = wide(g_hy)
        dn = g * (1 - z) * (1 - n * n)
        dz, dr = g * (h - n) * (1 - z) * z, dn * bn * (1 - r) * r
        a, b = torch.cat((dr, dz, dn), 1), torch.cat((dr, dz, dn * r), 1)
        put(results, (a, b, g * z, a.sum(0), b.sum(0)))
        return results

    return run


def attention(bias_at, kernel):
    """Attention by one of PyTorch's fused kernels: computed by the plain formula. `bias_at` is where the mask is, if any."""

    def run(keyset, q, k, v, *rest, scale=None):
        results = kernel.call_boxed(keyset, q, k, v, *rest, scale=scale)
        values = ALONE.submit(formula, *attended(q, k, v, rest), scale).result()
        put(results[0], values)
        return results

    def attended(q, k, v, rest):
        bias = rest[0] if bias_at == 0 else None
        causal = rest[3:4] if bias_at == 0 else rest[1:2]  # PyTorch leaves defaults out
        return wide(q), wide(k), wide(v), wide(bias), any(causal)

    return run


def formula(q, k, v, bias, causal, scale):
    with torch.no_grad():
        scores = q @ k.transpose(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
        if causal:
            scores = scores.masked_fill(torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1), -torch.inf)
        return (scores + (0 if bias is None else bias)).softmax(-1) @ v


def log_sigmoid_backward(kernel):
    def run(keyset, gradient, x, buffer):  # only the CPU's kernel uses the buffer
        results = kernel.call_boxed(keyset, gradient, x, buffer)
        put(results, over(gradient) * torch.sigmoid(-over(x)))
        return results

    return run


def convolution(kernel):
    def run(keyset, x, weight, padding, stride, dilation, groups, *rest):
        results = kernel.call_boxed(keyset, x, weight, padding, stride, dilation, groups, *rest)
        put(results, torch.convolution(over(x), over(weight), None, stride, padding, dilation, False, [0] * len(padding), groups))
        return results

    return run


WRITTEN = {
    "_scaled_dot_product_flash_attention": partial(attention, None),
    "_scaled_dot_product_efficient_attention": partial(attention, 0),
    "_scaled_dot_product_cudnn_attention": partial(attention, 0),
    "cudnn_convolution": convolution,
    "log_sigmoid_backward": log_sigmoid_backward,
    "_cudnn_rnn": cudnn_rnn,
    "_cudnn_rnn_backward": cudnn_rnn_backward,
    "_thnn_fused_lstm_cell": lstm_cell,
    "_thnn_fused_gru_cell": gru_cell,
    "_thnn_fused_lstm_cell_backward_impl": lstm_cell_backward,
    "_thnn_fused_gru_cell_backward": gru_cell_backward,
}
