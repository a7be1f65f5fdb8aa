"""A sentence whose data cannot become markup."""

from unicodedata import bidirectional

from markupsafe import Markup


def say(template: str, *values: object) -> Markup:
    """`template` with every value escaped, and names in another direction set apart. The template is ours, the values are data."""
    return Markup(template).format(*map(_isolated, values))  # noqa: S704 - only literals come here as templates


def _isolated(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup) and any(bidirectional(letter) in ("R", "AL") for letter in value):
        return Markup("<bdi>{}</bdi>").format(value)
    return value
