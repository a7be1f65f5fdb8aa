"""Small experiments that only a GPU settles. Each leaves one line of JSON at once: python docs/gpu/questions.py FILE."""

import json
import os
import sys
import time
import traceback
from contextlib import closing
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
    """Does a captured LSTM train step give the losses of the eager one?"""
    found = {}
    for execution in ("eager", "cudagraph"):
        case, device, clock = made(execution=execution, depth=1)
        with in_format(case.precision, device) as form:
            work = Workload(case, device, form, clock)
            losses = []
            for _ in range(ROUNDS):
                work.step()
                losses.append(float(work.loss.detach()))
            found[execution] = losses
    eager, graph = found["eager"], found["cudagraph"]
    skipped = next((at for at, loss in enumerate(eager) if abs(loss - graph[0]) < 1e-6), None)
    return {**found, "eager_step_of_the_first_replay": skipped}


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
            work, _ = stepped(case, device, clock, form, 1)
            device.reset_peaks()
            work.step()
            found[variant] = {"predicted_bytes": predicted, **device.peaks()}
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


QUESTIONS = (captured_losses, timers_agree, fork_server_is_free, bf16_math, memory_is_predicted, plan_is_within_its_factor)


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else "questions.jsonl")
    for question in QUESTIONS:
        begun = time.perf_counter()
        try:
            answer = {"answer": question()}
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
