"""A sentence whose data cannot become markup."""

import re
from unicodedata import bidirectional

from markupsafe import Markup

FIGURE = re.compile(r"(?<=\d) (?=%|[kMGTµmn]?(?:s|J|W|Hz)\b|[kMGT]?FLOP|(?:[KMGT]i)?B\b|[kMG]\b|min\b|h\b|CI\b)")
"""The space between a number and its unit, where no line may break."""


def unbroken(html: Markup) -> Markup:
    """The same, so that no line breaks between a number and its unit."""
    return Markup(FIGURE.sub("\N{NO-BREAK SPACE}", str(html)))  # noqa: S704 - was markup before; a space is none


def markup(template: str, *values: object) -> Markup:
    """`template` with every value escaped, and names in another direction set apart. The template is ours, the values are data."""
    return Markup(template).format(*map(_isolated, values))  # noqa: S704 - only literals come here as templates


def _isolated(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup) and any(bidirectional(letter) in ("R", "AL") for letter in value):
        return Markup("<bdi>{}</bdi>").format(value)
    return value
