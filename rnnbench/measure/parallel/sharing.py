"""How a case's batch is shared among processes, and which cases cannot be shared."""

import os

from rnnbench.case import FIXED_LENGTHS, Case
from rnnbench.device.devices import Device
from rnnbench.device.machine import usable_cores
from rnnbench.errors import Unsupported
from rnnbench.measure.parallel.world import BACKENDS, place

THREADS_VARIABLE = "OMP_NUM_THREADS"
SEEDS_APART = 1_000_003  # between the data seeds of two processes with their own data


def shared(case: Case) -> bool:
    """Whether a case's step consists of parts, in several processes or by accumulation."""
    return case.processes > 1 or case.accumulation > 1


def threads() -> int:
    """CPU threads per process: from the environment, otherwise 1, as torchrun does."""
    said = os.environ.get(THREADS_VARIABLE, "")
    return int(said) if said.isdigit() and int(said) else 1


def refuse(case: Case, device: Device) -> None:
    """Raise Unsupported if a case cannot be shared here, before any process is started."""
    kind = device.torch.type
    if case.lengths != FIXED_LENGTHS:
        raise Unsupported(f"lengths={case.lengths} is measured in one process and one part: choose lengths=fixed")
    if case.phase != "train" or case.execution != "eager":
        raise Unsupported("several processes and accumulation need an eager train step: choose phase=train, execution=eager")
    if rest := of_process(case) % case.accumulation or case.batch_size % _sharers(case):
        raise Unsupported(
            f"a batch of {case.batch_size} cannot be divided evenly ({rest} left over): choose a multiple of"
            f" {_sharers(case) * case.accumulation}"
        )
    if case.processes == 1:
        return
    if kind not in BACKENDS:
        raise Unsupported(f"several processes train over gloo on CPUs or NCCL on CUDA; not on {device.name}")
    here = place()
    local = min(case.processes, here.local_size) if here else case.processes
    if kind == "cuda":
        _refuse_gpus(device, local)
    elif (wanted := local * threads()) > (cores := usable_cores()):
        each = "" if threads() == 1 else f" of {threads()} threads each"
        raise Unsupported(f"{local} processes{each} need {wanted} cores, but this machine has {cores}")


def _refuse_gpus(device: Device, local: int) -> None:
    """(Not yet run on a GPU.)"""
    if ":" in device.name and place() is None:
        raise Unsupported(f"several processes use the GPUs from cuda:0 on, not {device.name}: pass --device cuda")
    if local > (gpus := device.module.device_count()):
        raise Unsupported(f"{local} processes need {local} GPUs, this machine has {gpus}")


def of_process(case: Case) -> int:
    """Sequences in one process's share of a step."""
    return case.batch_size // _sharers(case)


def part_of(case: Case) -> Case:
    """One part of a process's share, as a case of one process."""
    alone = {"processes": 1, "scaling": "strong", "accumulation": 1, "bucket_mib": None}
    return Case.from_dict({**case.as_dict(), **alone, "batch_size": of_process(case) // case.accumulation})


def sequences(case: Case) -> int:
    """Sequences in a step of all processes together."""
    return of_process(case) * case.processes


def _sharers(case: Case) -> int:
    return case.processes if case.scaling == "strong" else 1
