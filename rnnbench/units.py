"""The only place where numbers become text. Values come in base units (s, bytes, J, FLOP) and are scaled for display."""

import math

_SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))
_BINARY = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
_SUFFIXES = (
    ("_flops_per_s", "FLOP/s"),
    ("_bytes_per_s", "B/s"),
    ("_per_s", "/s"),
    ("_per_byte", "FLOP/B"),
    ("_bytes", "B"),
    ("_flops", "FLOP"),
    ("half_width_ratio", "%"),
    ("_ratio", "×"),
    ("_share", "%"),
    ("_s", "s"),
    ("_j", "J"),
    ("_w", "W"),
    ("_hz", "Hz"),
    ("_celsius", "°C"),
)

NONE = "–"


def digits(value: float, significant: int = 3) -> str:
    """`value` with `significant` digits and without an exponent: 0.0123, 1.23, 12.3, 1,234."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else NONE
    decimals = max(0, significant - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals > 3 else text


def scaled(value: float, unit: str) -> str:
    """`value` with a suitable SI prefix: 0.0123, "s" → "12.3 ms"."""
    factor, prefix = next((row for row in _SI if abs(value) >= row[0] * 0.9995), _SI[-1] if value else _SI[4])
    return f"{digits(value / factor)} {prefix}{unit}".rstrip()


def binary_bytes(value: float) -> str:
    """Bytes in powers of 1,024: 107319296 → "102 MiB"."""
    factor, unit = next((row for row in _BINARY if abs(value) >= row[0]), _BINARY[-1])
    return f"{digits(value / factor)} {unit}"


def duration(seconds: float) -> str:
    """Wall time as text: 5.2 s, 3 min 20 s, 2 h 05 min."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def unit_of(metric: str) -> str:
    """The unit from the suffix of a metric's name, or "" for a count: step_time_s → "s"."""
    return next((unit for suffix, unit in _SUFFIXES if metric.endswith(suffix)), "")


def show(metric: str, value: float | None) -> str:
    """A metric's value as text, scaled according to its unit. An absent value is a dash, never 0."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    unit = unit_of(metric)
    if unit == "B":
        return binary_bytes(value)
    if unit == "×":
        return f"{value:.3f}×"
    if unit == "%":
        return f"{value * 100:.1f} %"
    if unit == "/s":
        return scaled(value, "/s")
    if not unit:
        return f"{value:,.0f}" if float(value).is_integer() else digits(value) if abs(value) >= 1e-6 else f"{value:.2e}"
    return scaled(value, unit)


def spread(metric: str, low: float, high: float) -> str:
    """Both ends of an interval; a common unit appears once: "30.8–31.6 ms"."""
    first, last = show(metric, low), show(metric, high)
    if first == last:
        return first
    unit = last.partition(" ")[2]
    return f"{first.removesuffix(f' {unit}')} to {last}" if low < 0 else f"{first.removesuffix(f' {unit}')}–{last}"


def factor(ratio: float, significant: int = 3) -> str:
    """A ratio as text: 2.7134 → "2.71×", 0.78 → "0.780×"."""
    return f"{digits(ratio, significant)}×"


def factors(low: float, high: float, significant: int = 3) -> str:
    """Both ends of a ratio's interval: "2.10–3.04×"."""
    return f"{digits(low, significant)}–{factor(high, significant)}"


def percent(share: float) -> str:
    """A share in per cent: 0.0123 → "1.23 %", 20 → "2,000 %"."""
    return f"{share * 100:,.{0 if abs(share) >= 9.995 else 3}{'f' if abs(share) >= 9.995 else 'g'}} %"


def change(ratio: float) -> str:
    """A ratio as a relative change: 1.053 → "+5.3 %", 1 → "0.0 %"."""
    share = (ratio - 1) * 100
    if abs(share) >= 1000:
        return factor(ratio)
    text = f"{share:+.1f}" if abs(share) >= 0.05 or share == 0 else f"{share:+.2g}"
    return f"{'0.0' if share == 0 else text} %".replace("-", "−")


def changes(low: float, high: float) -> str:
    """Both ends of a ratio's interval as changes: "+3.9 to +6.7 %"."""
    first, last = change(low), change(high)
    return f"{first.removesuffix(' %')} to {last}" if last.endswith(" %") else f"{first} to {last}"


def exponent(value: float) -> str:
    """The exponent of a power law with two decimals; a fit is no more exact."""
    return f"{value:.2f}".replace("-", "−")


def rate(metric: str, value: float) -> str:
    """A throughput with the name of what is counted: 12345 → "12.3 k tokens/s"."""
    return f"{scaled(value, '')}{'' if abs(value) < 1000 else ' '}".rstrip() + f" {metric.removesuffix('_per_s')}/s"


def axis_scale(metric: str, largest: float) -> tuple[float, str]:
    """The divisor for a metric's values on a chart axis up to `largest`, and the resulting unit: (0.001, "ms")."""
    unit = unit_of(metric)
    if unit == "B":
        return next((row for row in _BINARY if largest >= row[0]), _BINARY[-1])
    if unit in ("×", "%", ""):
        return (0.01, unit) if unit == "%" else (1.0, unit)
    by, prefix = next((row for row in _SI if largest >= row[0]), _SI[-1] if largest else _SI[4])
    return by, f"{prefix} {metric.removesuffix('_per_s')}/s".strip() if unit == "/s" else f"{prefix}{unit}"


def tick(value: float) -> str:
    """A tick label on a chart axis: 0.5, 20, 1,000, 25 k, 1.5 M."""
    text = scaled(value, "").replace(" ", "\u2009") if abs(value) >= 10_000 else f"{value:,.6g}"
    return text.replace("-", "−")


def plain(value: object) -> str:
    """An axis's value as text: none, yes, no, 1,024, a name."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.6g}"
    return str(value)
