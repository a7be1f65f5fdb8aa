"""Ratios in the reader's direction: "1.8× faster", "36 % less activation memory", never "takes 0.55× the time of"."""

from rnnbench import units

SAME = 0.005  # shares of memory closer than this are not worth a sentence


def speed(ratio: float) -> str:
    """A ratio of times, other ÷ base: 0.5 → "2.00× faster", 1.3 → "1.30× slower"."""
    return f"{units.factor(1 / ratio)} faster" if ratio < 1 else f"{units.factor(ratio)} slower"


def speed_interval(ratio: float, low: float | None, high: float | None) -> str:
    """The ends of that ratio's interval, in the direction of `speed(ratio)`; empty where there is none."""
    if low is None or high is None or low != low or high != high:
        return ""
    return units.factors(1 / high, 1 / low) if ratio < 1 else units.factors(low, high)


def speed_range(low: float, high: float) -> str:
    """Two ratios of times on either side of 1: "from 2.00× faster to 1.30× slower"."""
    return f"from {speed(low)} to {speed(high)}"


def amount(ratio: float, noun: str) -> str:
    """How much of something is used, other ÷ base: 0.5 → "half the noun", 0.64 → "36 % less noun", 2.1 → "2.10× the noun"."""
    if abs(ratio - 0.5) < SAME:
        return f"half the {noun}"
    if abs(ratio - 2) < 2 * SAME:
        return f"twice the {noun}"
    if ratio >= 2:
        return f"{units.factor(ratio)} the {noun}"
    return f"{rounded(abs(ratio - 1))} {'less' if ratio < 1 else 'more'} {noun}"


def amount_interval(low: float, high: float) -> str:
    """The ends of that ratio: "30–36 % less", "1.9–2.3×"."""
    if high < 1:
        return f"{rounded(1 - high).removesuffix(' %')}–{rounded(1 - low)} less"
    if low > 1 and high < 2:
        return f"{rounded(low - 1).removesuffix(' %')}–{rounded(high - 1)} more"
    return units.factors(low, high)


def rounded(share: float) -> str:
    """A share as whole per cent, with a decimal below ten: 0.3612 → "36 %", 0.0312 → "3.1 %"."""
    return f"{share * 100:,.0f} %" if share >= 0.0995 else f"{share * 100:.1f} %"
