"""Architectures, one family a file. A file dropped in here is found; a user's own comes by `--plugin`."""

from rnnbench.axis import Where, own_axis
from rnnbench.variants._registry import VARIANTS, Variant, variant

__all__ = ["VARIANTS", "Variant", "Where", "own_axis", "variant"]
