"""Axes: the values a field of a Case may take, and the cases that a value can change. No torch here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rnnbench.errors import BadValue, UnknownName

NAME = "a name of letters, digits, _ . : +"  # valid in a case id, a folder name and a log file name
NAME_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:+]{0,63}")
_WORDS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
_KINDS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}


@dataclass(frozen=True, slots=True)
class Where:
    """Which cases an axis applies to: those whose other axes hold one of the values in `only` and none of those in `never`."""

    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def __call__(self, case: Any) -> bool:
        """Whether the axis applies to this case."""
        wanted = all(getattr(case, name) in values for name, values in self.only.items())
        return wanted and not any(getattr(case, name) in values for name, values in self.never.items())

    def words(self) -> str:
        """The condition as text: "where phase is train or converge". Empty if the axis applies to every case."""
        parts = [f"{name} is {' or '.join(map(written, values))}" for name, values in self.only.items()]
        parts += [f"{name} is not {' or '.join(map(written, values))}" for name, values in self.never.items()]
        return f"where {' and '.join(parts)}" if parts else ""


EVERYWHERE = Where()


@dataclass(frozen=True, slots=True)
class Axis:
    """One field of a Case that can be swept. `values` lists the valid values, or is None if any value of `kind` is valid.

    `where` says which cases the axis applies to. A `declared` axis applies only to variants that declare it. `most` names another axis
    that caps the effect of this one: a window longer than `seq_len` acts like one of `seq_len`. `zero` admits 0 beside positive numbers."""

    name: str
    kind: type
    unit: str
    about: str
    letter: str
    default: Any
    values: tuple[str, ...] | None = None
    optional: bool = False
    where: Where = EVERYWHERE
    declared: bool = False
    most: str = ""
    zero: bool = False

    def parse(self, text: str) -> Any:
        """The value that a user wrote. `none` means None if the axis is optional. Raises BadValue."""
        if self.optional and text.lower() == "none":
            return None
        try:
            return _WORDS[text.lower()] if self.kind is bool else self.kind(text)
        except (ValueError, KeyError):
            raise BadValue(self.name, text, self.wanted()) from None

    def check(self, value: Any) -> None:
        """Raise UnknownName or BadValue if the axis cannot have `value`."""
        if value is None and self.optional:
            return
        if self.values is not None and value not in self.values:
            raise UnknownName(self.name, value, self.values)
        if self.kind in (int, float):
            number = isinstance(value, self.kind | int) and not isinstance(value, bool)
            if not number or not 0 <= value < 2**63 or (value == 0 and not self.zero):
                raise BadValue(self.name, value, self.wanted())
        elif not isinstance(value, self.kind) or (self.kind is str and not NAME_PATTERN.fullmatch(str(value))):
            raise BadValue(self.name, value, self.wanted())

    def wanted(self) -> str:
        """Which values are valid, in words."""
        if self.values is not None:
            return f"one of {', '.join(self.values)}{', or none' if self.optional else ''}"
        kinds = {int: f"a whole number from {0 if self.zero else 1}", float: "a number from 0" if self.zero else "a number above 0"}
        words = {**kinds, bool: "true or false", str: NAME}[self.kind]
        return f"{words}, or none" if self.optional else words

    def as_dict(self) -> dict[str, Any]:
        """The axis as JSON; `from_dict` reads it back."""
        where = {"only": self.where.only, "never": self.where.never}
        return {
            "name": self.name,
            "kind": self.kind.__name__,
            "default": self.default,
            "about": self.about,
            "values": list(self.values) if self.values else None,
            "zero": self.zero,
            **{key: {name: list(values) for name, values in held.items()} for key, held in where.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Axis":
        """The axis that `as_dict` described, as a declared axis."""
        values = data["values"]
        only, never = ({name: tuple(held) for name, held in data[key].items()} for key in ("only", "never"))
        return cls(
            str(data["name"]),
            _KINDS[data["kind"]],
            "",
            str(data["about"]),
            "",
            data["default"],
            tuple(values) if values else None,
            where=Where(only, never),
            declared=True,
            zero=data.get("zero", False),
        )


def own_axis(default: Any, about: str, *, values: Iterable[str] | None = None, phases: tuple[str, ...] = ()) -> Axis:
    """A variant's own hyperparameter: `@variant(axes={"keep": own_axis(0.5, "share of the state that is kept")})`.

    Its type is that of `default`: a whole number, a number above 0, a bool, or a word from `values`. `phases` are the phases in which it
    changes what runs; empty means all. The builder reads it as `case.keep`; a user sets it with `--set keep=0.2,0.8`.
    """
    words = tuple(values) if values is not None else None
    if type(default) not in (int, float, bool, str) or (isinstance(default, str) and words is None):
        raise BadValue("default", default, "a whole number, a number above 0, true or false, or a word with values=(…)")
    if odd := [word for word in words or () if read(word) != word or not re.fullmatch(r"\w+", word)]:
        raise BadValue("values", odd[0], "words of letters, digits and _ that are not numbers")
    where = Where({"phase": phases}) if phases else EVERYWHERE
    return Axis("", type(default), "", about, "", default, words, where=where, declared=True)


def written(value: object) -> str:
    """A value as a user writes it in --set: none, true, 0.5, lstm."""
    return {None: "none", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else str(value)


def read(text: str) -> Any:
    """Parse the text that `Case.hyper` holds for a variant's own axis: true, false or a number if it is one, otherwise the word."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
