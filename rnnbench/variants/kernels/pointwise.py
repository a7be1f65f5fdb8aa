"""Pointwise functions that Triton's language lacks, accurate near zero, and the formulas of each linear recurrence.

Two functions of the streams p0, p1, p2 and a weight per channel w define a recurrence h' = a h + b: `…_coefficients` returns a and b, and
`…_slopes` maps the gradients of a and b to those of the streams and the weight. Unused streams get the gradient 0.
"""

import triton
import triton.language as tl


@triton.jit
def expm1(x):
    """e^x − 1 for x ≤ 0: a Taylor series of degree 9 near zero, where the difference would cancel."""
    series = x / 9 + 1
    series = series * x / 8 + 1
    series = series * x / 7 + 1
    series = series * x / 6 + 1
    series = series * x / 5 + 1
    series = series * x / 4 + 1
    series = series * x / 3 + 1
    series = series * x / 2 + 1
    return tl.where(x > -0.25, series * x, tl.exp(x) - 1)


@triton.jit
def tanh(x):
    """tanh, from e^(−2|x|)."""
    less = expm1(-2 * tl.abs(x))
    size = -less / (2 + less)
    return tl.where(x < 0, -size, size)


@triton.jit
def log_sigmoid(x):
    """log σ(x), finite for every finite x."""
    return tl.minimum(x, 0) - tl.log(1 + tl.exp(-tl.abs(x)))


@triton.jit
def given_coefficients(p0, p1, p2, w):
    """a and b themselves."""
    return p0, p1


@triton.jit
def given_slopes(p0, p1, p2, w, da, db):
    """a and b themselves."""
    return da, db, 0 * da, 0 * da


@triton.jit
def min_gru_coefficients(p0, p1, p2, w):
    """Gate, value: a = σ(−gate), b = σ(gate) g(value) with g(v) = v + ½ for v ≥ 0, otherwise σ(v)."""
    return tl.sigmoid(-p0), tl.sigmoid(p0) * tl.where(p1 > 0, p1 + 0.5, tl.sigmoid(p1))


@triton.jit
def min_gru_slopes(p0, p1, p2, w, da, db):
    """Back through `min_gru_coefficients`."""
    z, shut, s = tl.sigmoid(p0), tl.sigmoid(-p0), tl.sigmoid(p1)
    value = tl.where(p1 > 0, p1 + 0.5, s)
    return (db * value - da) * z * shut, db * z * tl.where(p1 > 0, 1.0, s * (1 - s)), 0 * da, 0 * da


@triton.jit
def min_lstm_coefficients(p0, p1, p2, w):
    """Forget, enter, value: a = σ(log σ(forget) − log σ(enter)), b = (1 − a) g(value)."""
    kept = log_sigmoid(p0) - log_sigmoid(p1)
    return tl.sigmoid(kept), tl.sigmoid(-kept) * tl.where(p2 > 0, p2 + 0.5, tl.sigmoid(p2))


@triton.jit
def min_lstm_slopes(p0, p1, p2, w, da, db):
    """Back through `min_lstm_coefficients`."""
    kept = log_sigmoid(p0) - log_sigmoid(p1)
    a, enter, s = tl.sigmoid(kept), tl.sigmoid(-kept), tl.sigmoid(p2)
    value = tl.where(p2 > 0, p2 + 0.5, s)
    d_kept = (da - db * value) * a * enter
    return d_kept * tl.sigmoid(-p0), -d_kept * tl.sigmoid(-p1), db * enter * tl.where(p2 > 0, 1.0, s * (1 - s)), 0 * da


@triton.jit
def qrnn_coefficients(p0, p1, p2, w):
    """Candidate, forget: a = σ(forget), b = (1 − a) tanh(candidate)."""
    return tl.sigmoid(p1), tl.sigmoid(-p1) * tanh(p0)


@triton.jit
def qrnn_slopes(p0, p1, p2, w, da, db):
    """Back through `qrnn_coefficients`."""
    z, a, shut = tanh(p0), tl.sigmoid(p1), tl.sigmoid(-p1)
    return db * shut * (1 - z * z), (da - db * z) * a * shut, 0 * da, 0 * da


@triton.jit
def rg_lru_coefficients(p0, p1, p2, w):
    """Input, recurrence gate, input gate: a = e^(w σ(recurrence)), b = √(1 − a²) σ(enter) input."""
    log_a = w * tl.sigmoid(p1)
    kept = tl.maximum(-expm1(2 * log_a), 1e-12)
    return tl.exp(log_a), tl.sqrt(kept) * tl.sigmoid(p2) * p0


@triton.jit
def rg_lru_slopes(p0, p1, p2, w, da, db):
    """Back through `rg_lru_coefficients`; 1 − a² has no gradient if it is clamped to 1e-12."""
    r, i = tl.sigmoid(p1), tl.sigmoid(p2)
    log_a = w * r
    a, kept = tl.exp(log_a), -expm1(2 * log_a)
    root = tl.sqrt(tl.maximum(kept, 1e-12))
    through = tl.where(kept < 1e-12, 0.0, a * a / root)
    d_log_a = da * a - db * i * p0 * through
    return db * root * i, d_log_a * w * r * tl.sigmoid(-p1), db * root * p0 * i * tl.sigmoid(-p2), d_log_a * r


@triton.jit
def moments(x, inside, size, EPS: tl.constexpr):
    """Mean and 1 / √(variance + ε) of the lanes inside; x must be zero in the others."""
    mean = tl.sum(x, 0) / size
    centred = tl.where(inside, x - mean, 0.0)
    return mean, 1 / tl.sqrt(tl.sum(centred * centred, 0) / size + EPS)


@triton.jit
def back_through_norm(d_normed, normed, scale, size):
    """The gradient of a norm's input, from that of its output; both are zero outside."""
    return scale * (d_normed - tl.sum(d_normed, 0) / size - normed * (tl.sum(d_normed * normed, 0) / size))


@triton.jit
def lstm_gates(i, f, g, o):
    """σ, σ, tanh, σ."""
    return tl.sigmoid(i), tl.sigmoid(f), tanh(g), tl.sigmoid(o)
