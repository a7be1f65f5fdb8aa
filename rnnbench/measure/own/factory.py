"""A user's function that makes a model, as MODULE:FUNCTION or FILE.py:FUNCTION names it."""

import contextlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rnnbench.applies import filled
from rnnbench.axis import Axis, own_axis
from rnnbench.case import AXES, SHAPE, Case
from rnnbench.errors import BadPlugin, Unsupported, UsageError
from rnnbench.measure.network import output_of
from rnnbench.measure.own.call import several
from rnnbench.measure.own.model import Own, Parts
from rnnbench.own_model import parts_of, variant_of
from rnnbench.registry import load_file
from rnnbench.tasks.noise import loss as squared_error

OF_MODEL = (*SHAPE, "bidirectional", "implementation")
"""Axes that a factory's own defaults may set; what it takes of the others (precision, seed, device, …) is the case's."""
WANTED = "return a module, (module, batch), (module, batch, loss) or (module, batch, loss, optimizer)"
_NO_GPU = ("not compiled with CUDA", "no NVIDIA driver", "No CUDA GPUs are available", "not compiled with XPU")
RANDOM_BATCHES = 4
NAMES = re.compile(r"[a-z][a-z0-9_]{0,31}")  # of axes that a function has for itself


def load_model(spec: str) -> Own:
    """The model that `mypkg.models:make` or `models.py:make` names. Raises BadPlugin with what is wrong."""
    home, function = parts_of(spec)
    found = getattr(_module(home, spec), function, None)
    if found is None or not callable(found):
        raise BadPlugin(spec, f"{home!r} has no function {function!r}")
    return own_of(variant_of(spec), found)


def own_of(name: str, function: Callable[..., Any], *, has_batches: bool = False) -> Own:
    """A function as a model of the user's own: it is called with the case, where it takes one `case`, else with the axes that it names;
    its further numbers and switches are axes of its own. With `has_batches` a module that it returns alone is left without any."""
    takes = _parameters(name, function)
    whole = list(takes) == ["case"]
    axes = dict.fromkeys(SHAPE) if whole else {axis: None for axis in takes if axis in OF_MODEL}
    axes = {axis: _default(name, axis, None if whole else takes[axis]) for axis in axes}
    declared = {} if whole else _declared(name, function, takes)
    named = [*(axis for axis in takes if axis not in declared), *declared]

    def make(case: Case) -> Parts:
        case = filled(case, declared)
        try:
            made = function(case) if whole else function(**{axis: getattr(case, axis) for axis in named})
        except (RuntimeError, AssertionError) as error:
            if any(words in str(error) for words in _NO_GPU):
                raise Unsupported(f"{name} asks for a device that is not here: {str(error).splitlines()[0]}") from error
            raise
        return as_parts(name, made, case, has_batches=has_batches)

    return Own(name=name, make=make, axes=axes, declared=declared)


def as_parts(name: str, made: Any, case: Case, *, has_batches: bool = False) -> Parts:
    """What a factory returned, made ready. Raises TypeError where it is nothing of the kind."""
    given = made if isinstance(made, tuple) else (made,)
    model, *rest = given or (None,)
    if not isinstance(model, nn.Module) or len(rest) > 3:
        raise TypeError(f"{name} returned {_what(made)}: {WANTED}")
    if not rest and has_batches:
        return Parts(model=model, batches=())
    if not rest:
        batches, note = random_batches(model, case)
        return Parts(model=model, batches=batches, loss=_squared_error, note=note)
    batch, loss, optimizer = (*rest, None, None)[:3]
    return Parts(model=model, batches=several(batch), loss=loss, optimizer=optimizer)


def random_batches(model: nn.Module, case: Case) -> tuple[list[Any], str]:
    """Normal noise for a recurrent network that came without a batch, with targets of its output's shape; and what it is, in words."""
    first = next((part for part in model.modules() if isinstance(part, nn.RNNBase)), None)
    sizes = {axis: getattr(case, axis) or AXES[axis].default for axis in ("seq_len", "batch_size", "input_size")}
    if first is not None:
        sizes["input_size"] = first.input_size
    shape = (sizes["seq_len"], sizes["batch_size"], sizes["input_size"])
    if first is not None and first.batch_first:
        shape = (shape[1], shape[0], shape[2])
    generator = torch.Generator().manual_seed(case.seed)
    inputs = [torch.randn(shape, generator=generator) for _ in range(RANDOM_BATCHES)]
    with torch.no_grad():
        shape_out = output_of(model(inputs[0])).shape
    batches = [(x, torch.randn(shape_out, generator=generator)) for x in inputs]
    return batches, f"no batch was given: random inputs of {shape}, squared error against random targets"


def _squared_error(output: Any, target: torch.Tensor) -> torch.Tensor:
    return squared_error(output_of(output), target)


def _parameters(name: str, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters that are axes of a case. Raises BadPlugin for one that is none and has no default."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    found: dict[str, inspect.Parameter] = {}
    required = [
        one
        for one in parameters.values()
        if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    if [one.name for one in required] == ["case"]:
        return {"case": required[0]}
    for one in parameters.values():
        if one.kind is one.VAR_KEYWORD:
            found |= dict.fromkeys(SHAPE, one)
        elif one.name in AXES:
            found[one.name] = one
        elif one in required:
            axes = ", ".join(AXES)
            raise BadPlugin(name, f"its parameter {one.name!r} has no default and is no axis: name it `case`, or one of {axes}")
    return found


def _declared(name: str, function: Callable[..., Any], takes: Iterable[str]) -> dict[str, Axis]:
    """Axes that the function has beside a shape's: those that rnnbench's variants share, and its own numbers and switches."""
    shared = {axis: AXES[axis] for axis in takes if AXES[axis].declared}
    own = {}
    for one in inspect.signature(function).parameters.values():
        if one.name in AXES or type(one.default) not in (int, float, bool) or not NAMES.fullmatch(one.name) or hasattr(Case, one.name):
            continue
        axis = replace(own_axis(one.default, f"parameter of {name}"), name=one.name, zero=True)
        with contextlib.suppress(UsageError):  # a negative number is no axis's: such a parameter keeps its default
            axis.check(one.default)
            own[one.name] = axis
    return {**shared, **own}


def _default(name: str, axis: str, parameter: inspect.Parameter | None) -> Any:
    """A parameter's own default, else the axis's."""
    value = AXES[axis].default if parameter is None or parameter.default is parameter.empty else parameter.default
    try:
        AXES[axis].check(value)
    except UsageError as error:
        raise BadPlugin(name, f"the default of its parameter {axis!r} is no value of that axis: {error}") from None
    return value


def _module(home: str, spec: str) -> Any:
    if home.endswith(".py"):
        return load_file(home)
    here = str(Path.cwd())
    if here not in sys.path:  # a revision's own packages come before what lies in the current folder
        sys.path.insert(len(sys.path) if os.environ.get("PYTHONSAFEPATH") else 0, here)
    try:
        return importlib.import_module(home)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise BadPlugin(spec, f"{type(error).__name__}: {error}") from error


def _what(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, tuple):
        return f"({', '.join(type(one).__name__ for one in value)})"
    return f"an object of type {type(value).__name__}"
