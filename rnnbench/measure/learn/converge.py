"""Training to a target: how many steps and seconds a case needs, how good it gets, or where it diverges.

Only training is on the clock. The target is looked for on the validation split; what is said of the test split is said of the
weights that were best on the validation split. A case is deterministic for its seed on one machine's CPU.
"""

import gc
import time
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from torch import Generator, Tensor, nn

from rnnbench.budget import Budget
from rnnbench.case import Case
from rnnbench.device import torch_state
from rnnbench.device.devices import Clock, Device
from rnnbench.device.precision import Format, autocast, fitted, in_format, moved
from rnnbench.errors import Diverged, Unsupported
from rnnbench.measure.instruments import Watches
from rnnbench.measure.learn.distillation import AT_ONCE, Lessons, Matching, Weights, distilling, kept, lessons, teacher_of
from rnnbench.measure.learn.learner import Learner
from rnnbench.measure.learn.sealed import Practice, sealed
from rnnbench.measure.learn.trainer import Loss, Teaching, recipe_of
from rnnbench.measure.measuring import Measurement
from rnnbench.measure.network import forms_run
from rnnbench.measure.probes import weights
from rnnbench.measure.workload import Workload
from rnnbench.tasks import PROBLEMS, Problem, Split
from rnnbench.variants._adaptive import depth_metrics
from rnnbench.variants._decode import places, streaming

BOUND = 100.0  # a loss so many times the first one is divergence, finite or not
LOOK_EVERY = 25  # steps between looks at the losses, which a device would otherwise be waited for
ANSWERS, STEPS = 20, 100
MOST_SCALES = 12
Once = Callable[[Clock, Callable[[], None]], None]
"""Runs a whole training once under a clock."""


class Training:
    """One case being trained. `run()` goes on until the target, the last step or the end of the time."""

    def __init__(self, case: Case, device: Device, form: Format, clock: Clock, limit_s: float, data: Practice, *, whole: bool) -> None:
        """`whole` trains every step, the target met or not. `data` holds no test split."""
        self.case, self.device, self.form, self.clock = case, device, form, clock
        self.limit_s, self.whole = limit_s, whole
        self.problem: Problem = PROBLEMS[case.task]
        self.data = data
        self.recipe = recipe_of(case, self.problem.recipe)
        torch.manual_seed(case.seed)
        self.model = Learner(case, self.problem, self.data)
        fitted(self.model, form, device)
        self.splits = {name: _moved(getattr(self.data, name), form, device) for name in ("train", "validation")}
        self.ended = False
        self.best: float | None = None
        self.best_weights: Weights = {}
        self.reached: tuple[int, float] | None = None
        self.seen = Measurement()
        self.teaching = self._teaching(self.model, self.problem.kind.loss)
        self._lessons: Lessons | None = None
        self._losses: list[float] = []
        self._first_loss = 0.0

    def learn_from(self, teacher: Learner) -> None:
        """Take what a trained teacher says of every training sequence; off the clock, once."""
        train = self.splits["train"]
        self._lessons = lessons(teacher, train.x, with_hidden=self.case.match_hidden)
        states, pupil = self._lessons.hidden, cast("nn.Module", self.model)
        if states is not None:
            pupil = Matching(self.model, states.shape[-1]).to(self.device.torch)
        loss = distilling(self.problem.kind.loss, self.case, self.data.outputs, labels=not train.y.is_floating_point())
        self.teaching = self._teaching(pupil, loss)

    def run(self) -> None:
        """Train. Raises Diverged; what was seen until then is in `seen`."""
        self.model.train()
        begun_s = self.clock()
        for x, y in self._batches():
            self.teaching.step(x, y)
            step = self.teaching.steps
            last = step == self.recipe.max_steps
            judged = last or step % self.recipe.eval_every == 0
            if judged or step % LOOK_EVERY == 0:
                self.clock.pause()
                done = self._look(step, self.clock() - begun_s, judged=judged)
                self.clock.resume()
                if done or last:
                    self.ended = True
                    return

    def _look(self, step: int, seconds: float, *, judged: bool) -> bool:
        """Off the clock: are the losses sane, how good are the answers, is it enough?"""
        self.seen.metrics.update(training_steps=step, training_s=seconds, step_time_s=seconds / step)
        late = seconds >= self.limit_s
        self._take_losses()
        if late and step < self.recipe.max_steps:
            self.seen.notes.append(f"stopped at step {step} of {self.recipe.max_steps}, after {seconds:.0f} s: raise --case-budget")
        if judged or late:
            quality = self.quality("validation")
            self._note(step, seconds, quality)
            if self.reached is None and self.problem.kind.reached(quality, self.problem.target):
                self.reached = step, seconds
        return late or (self.reached is not None and not self.whole)

    def _take_losses(self) -> None:
        """The losses since the last look. Raises Diverged at the first that is not finite or out of all bounds."""
        fresh = torch.stack(self.teaching.losses).tolist()
        self.teaching.losses.clear()
        bound = BOUND * (self._first_loss or abs(fresh[0]))
        for number, loss in enumerate(fresh):
            if not isfinite(loss) or abs(loss) > bound:
                step = self.teaching.steps - len(fresh) + 1 + number
                raise Diverged(f"the loss was {loss:.3g} at step {step}, {self._first_loss or fresh[0]:.3g} at the first")
        self._first_loss = self._first_loss or abs(fresh[0])
        self._losses += fresh

    def _note(self, step: int, seconds: float, quality: float) -> None:
        """A point of the curve; the best weights so far are kept."""
        if not isfinite(quality):
            raise Diverged(f"the quality is {quality} at step {step}")
        loss = sum(self._losses) / max(1, len(self._losses))
        self._losses.clear()
        self.seen.curve.append((step, round(seconds, 6), loss, quality))
        if self.problem.kind.improves(quality, self.best):
            self.best = quality
            self.best_weights = {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def quality(self, name: str) -> float:
        """The task's quality on the split of that name, of the weights as they are."""
        return self.quality_on(self.splits[name])

    def quality_on(self, split: Split) -> float:
        """The task's quality on a split that is on the device, of the weights as they are."""
        total, count = 0.0, 0
        self.model.eval()
        with torch.no_grad(), autocast(self.form, self.device):
            for x, y in zip(split.x.split(AT_ONCE), split.y.split(AT_ONCE), strict=True):
                some, judged = self.problem.kind.score(self.model(x), y)
                total, count = total + float(some), count + judged
        self.model.train()
        return split.unit * total / count

    def _batches(self) -> Iterator[tuple[Tensor, Any]]:
        """Epoch after epoch in an order of the case's seed, without what is left over at the end of one."""
        train, taught = self.splits["train"], self._lessons
        size = min(self.case.batch_size, len(train))
        generator = Generator().manual_seed(self.case.seed)
        while True:
            order = torch.randperm(len(train), generator=generator).to(self.device.torch)
            for rows in order[: len(train) // size * size].split(size):
                yield train.x[rows], train.y[rows] if taught is None else (train.y[rows], taught.of(rows))

    def _teaching(self, model: nn.Module, loss: Loss) -> Teaching:
        return Teaching(model, loss, self.recipe, clip_norm=self.case.clip_norm, form=self.form, device=self.device, clock=self.clock)


def converge(
    case: Case,
    budget: Budget,
    once: Once,
    *,
    seen: Measurement,
    teacher: Mapping[str, Any] | None = None,
    whole: bool = False,
    folder: Path | None = None,
    trial: bool = False,
) -> None:
    """Train `case` once and tell `seen`, which keeps what there is where it diverges. `teacher` says in what a distilled case's
    teacher differs from it; `whole` trains on after the target; `folder` keeps teachers; a `trial` of tuning
    is never tested. Raises Unsupported and Diverged."""
    device = Device(case.device)
    clock = Clock(device)
    gc.collect()
    device.forget()
    with torch_state.measuring(seen.notes), in_format(case.precision, device) as form:
        Workload.probe(Case.from_dict({**case.as_dict(), "phase": "train", "task": "random"}), device, form)
        practice, test = sealed(PROBLEMS[case.task].make(case))
        training = Training(case, device, form, clock, budget.training_s, practice, whole=whole)
        training.seen = seen
        seen.notes += training.model.notes
        if case.distilled:
            who = teacher_of(case, teacher or {})
            learned, quality = _teacher(who, device, folder)
            training.learn_from(learned)
            seen.metrics["teacher_quality"] = quality
            seen.notes.append(f"taught by {who}: {training.problem.kind.quality} {quality:.3g} on the validation split")
        watches = Watches(device)
        try:
            once(clock, training.run)
        finally:
            seen.add(watches.stop())
            _of_gradients(training)
        _of_validation(training)
        if trial:
            del test
            seen.absent.update(
                dict.fromkeys(("test_quality", "test_error", "trivial_quality"), "a tuning trial never opens the test split")
            )
        else:
            _of_test(training, *test.open(training))
        _of_energy(seen)
        _of_model(training)


def _teacher(case: Case, device: Device, folder: Path | None) -> tuple[Learner, float]:
    """A trained teacher, in fp32 whatever the student's precision, on the device, and its quality on the validation split.

    Its training is no part of the student's."""
    with in_format("fp32", device) as form:
        practice, _ = sealed(PROBLEMS[case.task].make(case))
        training = Training(case, device, form, Clock(device), float("inf"), practice, whole=True)

        def train() -> Weights:
            training.run()
            return training.best_weights

        training.model.load_state_dict(kept(case, training.problem, folder, train))
        quality = training.quality_on(training.splits["validation"])
        return training.model.eval(), quality


def _of_gradients(training: Training) -> None:
    """Gradient norms before clipping, steps clipped and skipped, and the loss scale's course."""
    teaching, metrics, absent = training.teaching, training.seen.metrics, training.seen.absent
    norms = torch.stack(teaching.norms).float().cpu() if teaching.norms else torch.empty(0)
    finite = norms[norms.isfinite()]
    for name, share in (("p10", 0.1), ("p50", 0.5), ("p90", 0.9), ("max", 1.0)):
        if len(finite):
            metrics[f"gradient_norm_{name}"] = float(finite.quantile(share))
        else:
            absent[f"gradient_norm_{name}"] = "no gradient was finite"
    if teaching.clip_norm is None:
        absent["clipped_share"] = "nothing is clipped"
    elif len(norms):
        metrics["clipped_share"] = float((norms > teaching.clip_norm).float().mean())
    if teaching.scaler is None:
        absent.update(dict.fromkeys(("skipped_steps", "loss_scale"), f"{training.case.precision} needs no loss scale"))
        return
    metrics.update(skipped_steps=teaching.skipped, loss_scale=teaching.scaler.get_scale())
    if teaching.skipped == teaching.steps:
        raise Diverged(f"the loss scaler skipped every one of {teaching.steps} steps: no gradient was finite")
    if teaching.scales:
        course = ", ".join(f"{scale:g} at step {step}" for step, scale in teaching.scales[:MOST_SCALES])
        training.seen.notes.append(f"loss scale: {course}{', …' if len(teaching.scales) > MOST_SCALES else ''}")


def _of_validation(training: Training) -> None:
    """Was the target reached, and how good did it get?"""
    seen, problem, last = training.seen, training.problem, training.seen.curve[-1]
    seen.metrics.update(target_quality=problem.target)
    seen.metrics.update(best_quality=training.best or 0.0, final_quality=last[3], final_loss=last[2])
    if training.reached:
        seen.metrics["steps_to_target"], seen.metrics["time_to_target_s"] = training.reached
    else:
        missed = f"did not reach {problem.kind.quality} {problem.target:g} in {last[0]} steps"
        seen.absent.update(dict.fromkeys(("steps_to_target", "time_to_target_s"), missed))
    best = seen.metrics["best_quality"]
    seen.metrics["validation_error"] = 1 - best if problem.kind.better == "higher" else best
    training.model.load_state_dict(training.best_weights)


def _of_test(training: Training, test: Split, trivial: float) -> None:
    """The quality on the test split of the weights that were best on the validation split."""
    quality = training.quality_on(_moved(test, training.form, training.device))
    share = training.problem.kind.better == "higher"
    training.seen.metrics.update(trivial_quality=trivial, test_quality=quality, test_error=1 - quality if share else quality)


def _of_energy(seen: Measurement) -> None:
    """Joules of the training and until its target: mean power, over training and what was looked at in between, × seconds of training."""
    for name, seconds in (("training_energy_j", "training_s"), ("energy_to_target_j", "time_to_target_s")):
        if (power_w := seen.metrics.get("mean_power_w")) is None:
            seen.absent[name] = seen.absent.get("mean_power_w", "no power was measured")
        elif seconds in seen.metrics:
            seen.metrics[name] = power_w * seen.metrics[seconds]
        else:
            seen.absent[name] = seen.absent[seconds]


def _of_model(training: Training) -> None:
    """What the trained network weighs, and how long it takes to answer one sequence."""
    model, metrics = training.model, training.seen.metrics
    training.seen.notes += forms_run(model)
    weights.weigh(model, metrics, training.seen.absent)
    x = training.splits["validation"].x[:1]
    model.eval()
    with torch.no_grad(), autocast(training.form, training.device):
        metrics["answer_s"] = _median_s(training.device, lambda: model(x), ANSWERS)
        try:
            reader, seen = streaming(model.body, training.case.variant), model.embed(x)[:, 0]
        except Unsupported as error:
            training.seen.absent["one_step_s"] = str(error)
        else:
            state, held = reader.begin(1), training.case.seq_len - 1
            for one in places(state):
                one.reserve(training.case.seq_len)
            _, state = reader.advance(seen, state)

            def last_step() -> None:
                for one in places(state):
                    one.move(held)
                reader.advance(seen, state)

            metrics["one_step_s"] = _median_s(training.device, last_step, STEPS)
    metrics.update(depth_metrics(training.teaching.adaptive))


def _median_s(device: Device, run: Callable[[], object], times: int) -> float:
    found = []
    for _ in range(times):
        device.synchronize()
        before = time.perf_counter()
        run()
        device.synchronize()
        found.append(time.perf_counter() - before)
    return median(found)


def _moved(split: Split, form: Format, device: Device) -> Split:
    return Split(moved(split.x, form, device), split.y.to(device.torch), split.unit)
