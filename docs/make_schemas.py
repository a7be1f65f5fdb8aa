"""Writes docs/schemas/*.json from the dataclasses and tables in the code. With `--check`, says what is stale.

Each is a JSON Schema (2020-12) of one file format. Fields that a later version adds are allowed, as the reader passes over them."""

import json
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from rnnbench.case import AXES, NAME, OWN_BLANK, Axis, Case
from rnnbench.gate.baseline import BASELINE_SCHEMA
from rnnbench.gate.verdict import VERDICTS, Comparison, Finding
from rnnbench.record import METRICS, SCHEMA, STATUSES, Record, Run

FOLDER = Path(__file__).with_name("schemas")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Any: {},
}
Schema = dict[str, Any]


def of_type(kind: Any) -> Schema:
    """The schema of one annotation."""
    if kind in PLAIN:
        return dict(PLAIN[kind])
    if kind is Case:
        return {"$ref": "#/$defs/case"}
    if is_dataclass(kind):
        return of_class(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [of_type(one) for one in inner]}
    if origin is tuple and not (len(inner) == 2 and inner[1] is Ellipsis):
        return {"type": "array", "prefixItems": [of_type(one) for one in inner], "minItems": len(inner), "maxItems": len(inner)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": of_type(inner[1])}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": of_type(inner[0])}
    raise TypeError(f"no schema for {kind!r}")


def of_class(kind: type, **given: Schema) -> Schema:
    """An object with a property a field; those without a default are required. `given` replaces properties, or adds some."""
    hints = get_type_hints(kind)
    rows = {one.name: given.get(one.name) or of_type(hints[one.name]) for one in fields(kind)}
    needed = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
    about = " ".join((kind.__doc__ or "").split())
    return {"type": "object", "description": about, "properties": {**given, **rows}, "required": needed}


def of_axis(one: Axis) -> Schema:
    """An axis as a case holds it."""
    found = {**PLAIN[one.kind], "description": f"{one.about}; {one.wanted()}"}
    if one.values is not None:
        found = {"enum": [*one.values, *([None] if one.optional else [])], "description": one.about}
    elif one.kind is int:
        found["minimum"] = 0 if one.name == "seed" else 1
    elif one.kind is float:
        found["exclusiveMinimum"] = 0
    if one.name in OWN_BLANK:
        found = {**found, **({"enum": [*found["enum"], None]} if "enum" in found else {"type": [found["type"], "null"]})}
    elif one.optional and "type" in found:
        found["type"] = [found["type"], "null"]
    return found if one.values else {**found, "default": one.default}


def case() -> Schema:
    """What was measured."""
    axes = {name: of_axis(one) for name, one in AXES.items()}
    return {
        "type": "object",
        "description": " ".join((Case.__doc__ or "").split()),
        "properties": {"suite": {"type": "string", "description": NAME}, **axes},
        "required": ["suite"],
        "additionalProperties": False,
    }


def metrics() -> Schema:
    """Figures by the names of the table of metrics; those of a later version are allowed."""
    rows = {name: {"type": "number", "description": one.about} for name, one in METRICS.items()}
    return {"type": "object", "properties": rows, "additionalProperties": {"type": "number"}}


def record() -> Schema:
    """A line of records.jsonl."""
    ident = {"type": "string", "description": "the case's id; read from the case, never from here"}
    status = {"enum": list(STATUSES), "description": "; ".join(f"{name}: {about}" for name, about in STATUSES.items())}
    return {**of_class(Record, id=ident, status=status, metrics=metrics()), "$defs": {"case": case()}}


def run() -> Schema:
    """run.json, which has no records in it."""
    found = of_class(Run, schema={"type": "integer", "minimum": 1, "maximum": SCHEMA})
    del found["properties"]["records"]
    return {**found, "required": [*found["required"], "schema"], "$defs": {"case": case()}}


def baseline() -> Schema:
    """results/baselines/NAME.json."""
    one = {
        "type": "object",
        "properties": {
            "status": {"enum": list(STATUSES)},
            "reason": {"type": "string"},
            "axes": {"$ref": "#/$defs/case"},
            "exact": {
                "type": "object",
                "description": "metric → the one figure of every process",
                "additionalProperties": {"type": "number"},
            },
            "sampled": {
                "type": "object",
                "description": "metric → process → its median",
                "additionalProperties": {
                    "type": "object",
                    "propertyNames": {"pattern": "^-?[0-9]+$"},
                    "additionalProperties": {"type": "number"},
                },
            },
        },
        "required": ["status"],
    }
    plain: Schema = {"type": "object"}
    head = {"schema": {"const": BASELINE_SCHEMA}, "from": {"type": "string"}, "taken_utc": {"type": "string"}}
    tables = {"commit": plain, "conditions": plain, "machine": plain, "cases": {"type": "object", "additionalProperties": one}}
    about = "What a run came to, small enough to commit. A case's key is its id."
    return {
        "type": "object",
        "description": about,
        "properties": {**head, **tables},
        "required": ["schema", "cases"],
        "$defs": {"case": case()},
    }


def comparison() -> Schema:
    """`rnnbench compare --format json`."""
    finding = of_class(Finding, verdict={"enum": list(VERDICTS)})
    given = {"findings": {"type": "array", "items": finding}, "exit_code": {"enum": [0, 3, 4]}, "counts": of_type(dict[str, int])}
    found = of_class(Comparison, **given)
    return {**found, "required": sorted({*found["required"], "exit_code", "counts"})}


def bmf() -> Schema:
    """`rnnbench export --format bmf`: Bencher's metric format."""
    number = {"type": "number"}
    ends = {"value": number, "lower_value": number, "upper_value": number}
    measure = {"type": "object", "properties": ends, "required": ["value"], "additionalProperties": False}
    about = "Case → measure → the median over processes, with its 95 % CI from six processes on."
    return {"type": "object", "description": about, "additionalProperties": {"type": "object", "additionalProperties": measure}}


def gab() -> Schema:
    """`rnnbench export --format gab-smaller` and `gab-bigger`: github-action-benchmark's own JSON."""
    text = {"type": "string"}
    row = {"name": text, "unit": text, "value": {"type": "number"}, "range": text, "extra": text}
    return {
        "type": "array",
        "items": {"type": "object", "properties": row, "required": ["name", "unit", "value"], "additionalProperties": False},
    }


FILES = {"record": record, "run": run, "baseline": baseline, "comparison": comparison, "export-bmf": bmf, "export-gab": gab}


def made() -> dict[Path, str]:
    """Every file as it should be."""
    found = {}
    for name, make in FILES.items():
        title = " ".join((make.__doc__ or "").split())
        whole = {"$schema": DIALECT, "title": title, **make()}
        found[FOLDER / f"{name}.schema.json"] = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    return found


def main() -> int:
    """Write, or check."""
    stale = [path for path, text in made().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        print("\n".join(f"{path.name} is stale: python docs/make_schemas.py" for path in stale))
        return int(bool(stale))
    FOLDER.mkdir(exist_ok=True)
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
