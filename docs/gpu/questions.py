"""Small experiments that only a GPU settles. Each leaves one line of JSON at once: python docs/gpu/questions.py FILE [NAME...]."""

import json
import os
import sys
import time
import traceback
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from rnnbench.case import Case
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import in_format
from rnnbench.measure.workload import Workload

BIG = {"suite": "questions", "device": "cuda", "depth": 2, "hidden_size": 512, "input_size": 512, "batch_size": 64, "seq_len": 128}
ROUNDS = 20


def made(**fields):
    case = Case(**{**BIG, **fields})
    device = Device(case.device)
    return case, device, Clock(device)


def stepped(case, device, clock, form, rounds=ROUNDS):
    """The workload after some steps, and the seconds of each further one."""
    work = Workload(case, device, form, clock)
    for _ in range(5):
        work.step()
    times = []
    for _ in range(rounds):
        before = clock()
        work.step()
        times.append(clock() - before)
    return work, times


def captured_losses():
    """Does a captured LSTM train step give the losses of the eager one that starts from the same weights and optimizer state?"""
    works = {}
    for execution in ("cudagraph", "eager"):
        case, device, clock = made(execution=execution, depth=1)
        with in_format(case.precision, device) as form:
            works[execution] = Workload(case, device, form, clock)
            works[execution].step()
    graph, eager = works["cudagraph"], works["eager"]
    eager.model.load_state_dict(graph.model.state_dict())
    eager._trained.optimizer.load_state_dict(deepcopy(graph._trained.optimizer.state_dict()))  # noqa: SLF001 - the parts are hidden while captured
    found = {}
    for execution, work in works.items():
        with in_format(case.precision, device):
            work.rewind()
            losses = []
            for _ in range(ROUNDS):
                work.step()
                losses.append(float(work.loss.detach()))
            found[execution] = losses
    found["largest_difference"] = max(abs(a - b) for a, b in zip(found["eager"], found["cudagraph"], strict=True))
    return found


def timers_agree():
    """Do the wall clock, events and CUPTI agree on a step?"""
    from rnnbench.measure.probes.kernels import launched

    found = {}
    for variant in ("lstm", "gru"):
        case, device, clock = made(variant=variant)
        with in_format(case.precision, device) as form:
            work, times = stepped(case, device, clock, form)
            spans = [device.span(work.step) for _ in range(ROUNDS)]
            kernels = launched(work.step, device)
            found[variant] = {
                "wall_s": median(times),
                "events_s": median(one.device_s for one in spans),
                "kernels_s": kernels.busy_s,
                "kernels": kernels.kernels,
            }
    return found


def fork_server_is_free():
    """Does the process that forks the others hold no device file after a survey?"""
    from rnnbench.runs.processes.client import ForkServer

    with TemporaryDirectory() as folder, closing(ForkServer(Path(folder) / "server.log", environment=dict(os.environ))) as server:
        server.ask("survey", {"device": "cuda", "plugins": ()}, Path(folder) / "survey.log")
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        held = {}
        for pid in children:
            links = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()]
            held[pid] = sorted({link for link in links if link.startswith("/dev/nvidia")})
    return {"device_files_by_child": held}


def bf16_math():
    """Does a bf16 LSTM use tensor cores where TF32 is forbidden? Compare its time with TF32 allowed, and with fp16."""
    case, device, clock = made(precision="pure_bf16", phase="forward")
    found = {}
    with in_format(case.precision, device) as form:
        rnn = getattr(torch.backends.cudnn, "rnn", None)
        for allowed in ("tf32", "ieee") if rnn else ():
            rnn.fp32_precision = allowed
            found[f"bf16, {allowed}"] = median(stepped(case, device, clock, form)[1])
    case, device, clock = made(precision="fp16", phase="forward")
    with in_format(case.precision, device) as form:
        found["fp16"] = median(stepped(case, device, clock, form)[1])
    return found


def memory_is_predicted():
    """Is predicted memory the measured peak?"""
    from rnnbench.measure.footprint import predict

    found = {}
    for variant in ("lstm", "gru", "elman", "transformer"):
        case, device, clock = made(variant=variant)
        with in_format(case.precision, device) as form:
            predicted = predict(case, device, form).total
            device.forget()
            before = torch.cuda.memory_allocated()
            work, _ = stepped(case, device, clock, form, 1)
            device.reset_peaks()
            work.step()
            found[variant] = {"predicted_bytes": predicted, "allocated_before_bytes": before, **device.peaks()}
            del work
            device.forget()
    return found


def plan_is_within_its_factor():
    """Is a planned step time within its factor of the measured one, by this machine's own ceilings?"""
    from rnnbench.device.ceilings import measure
    from rnnbench.measure.planning import plan_case
    from rnnbench.runs.planning import FACTOR, predicted

    ceilings = measure("cuda")
    found = {"within": FACTOR}
    for variant in ("lstm", "gru", "transformer"):
        case, device, clock = made(variant=variant)
        with in_format(case.precision, device) as form:
            _, times = stepped(case, device, clock, form)
        row = predicted(case, plan_case(case, True), ceilings, device.free_bytes())
        found[variant] = {"planned_s": row.step_s, "measured_s": median(times)}
    return found


def kernels_of(work, device):
    """Number of each kernel in a step and its microseconds, the longest first."""
    from rnnbench.measure.probes.kernels import _profiled, of_device

    spent = {}
    for event in of_device(_profiled(work.step, device)):
        count, us = spent.get(event.name, (0, 0.0))
        spent[event.name] = (count + 1, us + event.time_range.elapsed_us())
    return {name[:160]: [count, round(us, 1)] for name, (count, us) in sorted(spent.items(), key=lambda one: -one[1][1])}


def kernels_by_variant():
    """Which kernels does a train step of each variant launch, and how many?"""
    from rnnbench.errors import Unsupported
    from rnnbench.variants import VARIANTS

    for name in sorted(VARIANTS.all()):
        for precision in ("fp32", "bf16"):
            try:
                case, device, clock = made(variant=name, precision=precision, depth=1, seq_len=64)
                with in_format(precision, device) as form:
                    work, times = stepped(case, device, clock, form, 5)
                    ran = kernels_of(work, device)
                    del work
                yield (
                    f"{name} {precision}",
                    {
                        "wall_s": median(times),
                        "launches": sum(count for count, _ in ran.values()),
                        "kernels": dict(list(ran.items())[:12]),
                    },
                )
            except Unsupported as error:
                yield f"{name} {precision}", str(error)
            except Exception as error:  # noqa: BLE001 - the next variant all the same
                yield f"{name} {precision}", f"{type(error).__name__}: {str(error)[:300]}"
            device.forget()


def cudnn_algorithms():
    """Which kernels does cuDNN choose for an LSTM and a GRU at each size and precision, and how long does a forward pass take?"""
    for variant in ("lstm", "gru"):
        for precision in ("fp32", "tf32", "bf16", "fp16"):
            for hidden in (64, 128, 192, 256, 384, 512, 768, 1024, 1536):
                sizes = {"hidden_size": hidden, "input_size": hidden, "depth": 1, "seq_len": 128}
                case, device, clock = made(variant=variant, precision=precision, phase="forward", **sizes)
                with in_format(precision, device) as form:
                    work, times = stepped(case, device, clock, form, 10)
                    ran = kernels_of(work, device)
                    del work
                device.forget()
                yield f"{variant} {precision} {hidden}", {"wall_s": median(times), "kernels": dict(list(ran.items())[:4])}


def strongest_forms():
    """How do the forms of each hand-written variant compare, taken in turn, with cuDNN's LSTM beside them?"""
    from rnnbench.variants import VARIANTS

    names = sorted(name for name, one in VARIANTS.all().items() if "triton" in one.implementations)
    for precision in ("bf16", "fp32"):
        for name in names:
            forms = [
                ("lstm", "fused"),
                *((name, way) for way in ("triton", "loop", "scan", "hoisted") if way in VARIANTS[name].implementations),
            ]
            works, device = {}, None
            try:
                for variant, way in forms:
                    case, device, clock = made(variant=variant, implementation=way, precision=precision)
                    with in_format(precision, device) as form:
                        works[f"{variant} {way}"] = stepped(case, device, clock, form, 1)[0]
                times = {one: [] for one in works}
                for _ in range(7):
                    for one, work in works.items():
                        with in_format(precision, device):
                            before = clock()
                            work.step()
                            times[one].append(clock() - before)
                yield f"{name} {precision}", {one: median(series) for one, series in times.items()}
            except Exception as error:  # noqa: BLE001 - the next variant all the same
                yield f"{name} {precision}", f"{type(error).__name__}: {str(error)[:300]}"
            works.clear()
            if device is not None:
                device.forget()


def traces():
    """Real traces of torch's profiler, for tests that read kernel names: beside the answers, as NAME.trace.json.gz."""
    import gzip

    from rnnbench.measure.probes.kernels import _profiled

    out, found = Path(sys.argv[1] if len(sys.argv) > 1 else "questions.jsonl").parent, {}
    for name, fields in {
        "lstm-train-bf16": {"precision": "bf16", "seq_len": 8, "depth": 1},
        "transformer-train-bf16": {"variant": "transformer", "precision": "bf16", "seq_len": 16, "depth": 1},
        "ln_lstm-train-fp32": {"variant": "ln_lstm", "seq_len": 4, "depth": 1},
    }.items():
        case, device, clock = made(**fields)
        with in_format(case.precision, device) as form, TemporaryDirectory() as folder:
            work, _ = stepped(case, device, clock, form, 1)
            _profiled(work.step, device)
            profiler = _profiled(work.step, device)
            plain, packed = Path(folder) / "trace.json", out / f"{name}.trace.json.gz"
            profiler.export_chrome_trace(str(plain))
            packed.write_bytes(gzip.compress(plain.read_bytes()))
            found[name] = packed.stat().st_size
    return found


QUESTIONS = (
    captured_losses,
    timers_agree,
    fork_server_is_free,
    bf16_math,
    memory_is_predicted,
    plan_is_within_its_factor,
    kernels_by_variant,
    strongest_forms,
    cudnn_algorithms,
    traces,
)


def answered(question):
    """A question's answer; of one that yields it in pairs, what there is when an interrupt ends it."""
    given = question()
    if isinstance(given, dict):
        return given
    found = {}
    try:
        found.update(given)
    except KeyboardInterrupt:
        found["interrupted"] = True
    return found


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "questions.jsonl")
    for question in (one for one in QUESTIONS if one.__name__ in (sys.argv[2:] or [one.__name__])):
        begun = time.perf_counter()
        try:
            answer = {"answer": answered(question)}
        except Exception as error:  # noqa: BLE001 - whatever it is, the next question is asked
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        line = {"question": question.__doc__, "name": question.__name__, **answer, "seconds": round(time.perf_counter() - begun, 1)}
        with out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
