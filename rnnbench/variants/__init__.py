"""Architectures, one family per file. Files in this folder are found automatically; a user's own is loaded with `--plugin`."""

from rnnbench.axis import Where, own_axis
from rnnbench.variants._registry import VARIANTS, Variant, variant

__all__ = ["VARIANTS", "Variant", "Where", "own_axis", "variant"]
