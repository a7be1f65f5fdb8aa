"""Two sides compared: a finding for every metric of every case."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from statistics import median

from rnnbench.errors import EXIT_INCONCLUSIVE, RnnbenchError
from rnnbench.gate.canary import Drift, drift_between, power_of_drift
from rnnbench.gate.design import design_of
from rnnbench.gate.match import Match, Matched, match, nearest, unlike_conditions, unlike_software
from rnnbench.gate.numbers import said_first, same_numbers
from rnnbench.gate.policy import Policy
from rnnbench.gate.side import Observed, Side, usable
from rnnbench.gate.statistics.decide import Hypothesis, decide
from rnnbench.gate.statistics.evidence import LEAST_PROCESSES, Sample
from rnnbench.gate.trainings import MEASURED, Group, group_id, is_training, matched_groups, quality_notes, training_findings
from rnnbench.gate.verdict import Comparison, Finding, gravest_first
from rnnbench.record import FINGERPRINTS, METRICS

_STEADY = Drift()
EXACT = tuple(name for name, one in METRICS.items() if one.deterministic and name not in FINGERPRINTS)


class NothingToCompare(RnnbenchError):
    """A side without cases, or two without one in common."""

    exit_code = EXIT_INCONCLUSIVE


def compared(base: Side, candidate: Side, policy: Policy) -> Comparison:
    """Every finding, each sampled metric tested over all processes. Raises NothingToCompare where a side is empty or no case is on both."""
    matched, trainings = _matched(base, candidate)
    unlike = unlike_conditions(base, candidate)
    software = unlike_software(base, candidate)
    paired = bool(base.duet) and base.duet == candidate.duet
    drifted = Drift() if paired or unlike else drift_between(base, candidate, policy.canary, software, policy.alpha)
    design = design_of(base, candidate, matched.both)
    findings = list(_alone(matched, {group.id for pair in trainings for group in pair}, base.left_out | candidate.left_out))
    seen: set[str] = set()
    hypotheses: list[Hypothesis] = []
    for one in matched.both:
        if one.renamed_from:
            findings.append(
                Finding(case=one.candidate.id, verdict="renamed", renamed_from=one.renamed_from, reason=f"was {one.renamed_from}")
            )
        if is_training(one.base) and {one.base.status, one.candidate.status} <= {*MEASURED}:  # the rest over all seeds, below
            if policy.only != "sampled" and (name := group_id(one.base.axes or {})) not in seen:
                findings += _exact(one, by_design=bool(design))
                seen.add(name)
            continue
        if one.base.status != "ok" or one.candidate.status != "ok":
            findings.append(_by_status(one, by_design=bool(design)))
            continue
        if policy.only != "sampled":
            findings += _exact(one, by_design=bool(design))
            findings += same_numbers(one)
        if policy.only != "deterministic":
            for row in _sampled(one, policy, paired=paired, drifted=drifted):
                if isinstance(row, Hypothesis) and not unlike:
                    hypotheses.append(row)
                else:
                    findings.append(_incompatible(row, unlike))
    findings += decide(hypotheses, policy.alpha, spent=drifted.spent)
    findings += training_findings(trainings, policy)
    return Comparison(
        base=base.label,
        candidate=candidate.label,
        findings=gravest_first(findings),
        paired=paired,
        alpha=policy.alpha,
        differences={**unlike, **software},
        design=design,
        notes=(*said_first(findings), *quality_notes(trainings), *_notes(base, candidate), *([drifted.note] if drifted.note else [])),
    )


def hypotheses_of(base: Side, candidate: Side, policy: Policy) -> list[Hypothesis]:
    """What can be tested of two paired sides, and nothing else."""
    both = [one for one in match(base, candidate).both if one.base.status == one.candidate.status == "ok"]
    rows = [row for one in both for row in _sampled(one, policy, paired=True)]
    return [row for row in rows if isinstance(row, Hypothesis)]


def _matched(base: Side, candidate: Side) -> tuple[Matched, list[tuple[Group, Group]]]:
    """Cases, and groups of trainings, that answer each other; two sides may have trained with other seeds."""
    for side in (base, candidate):
        if not side.cases:
            raise NothingToCompare(f"{side.label!r} holds no case: {'; '.join(side.notes) or 'nothing was measured'}")
    found = match(base, candidate)
    trainings = matched_groups(base, candidate, found.both)
    if not found.both and not trainings:
        raise NothingToCompare(
            f"no case of {base.label!r} is in {candidate.label!r}:"
            f" they hold {next(iter(base.cases))!r} and {next(iter(candidate.cases))!r}, …"
        )
    return found, trainings


def _alone(matched: Matched, pooled: Set[str], on_purpose: Set[str]) -> Iterator[Finding]:
    """Cases of one side only; not another seed of trainings that are `pooled`, nor those that a side left out `on_purpose`."""
    for verdict, here, there in (("missing", matched.missing, matched.new), ("new", matched.new, matched.missing)):
        for one in here:
            if one.id in on_purpose:
                continue
            if not (is_training(one) and group_id(one.axes or {}) in pooled):
                yield Finding(case=one.id, verdict=verdict, reason=nearest(one, there))


def _by_status(one: Match, *, by_design: bool) -> Finding:
    """Where a side did not measure the case. Unsupported on both sides is as it should be."""
    before, after = one.base.status, one.candidate.status
    if by_design and before != after:
        which, failing = ("base", one.base) if before != "ok" else ("candidate", one.candidate)
        verdict, why = "failed", f"{failing.status} at the {which}'s setting: {failing.reason}"
    elif before == "ok":
        verdict, why = "broken", f"{after}: {one.candidate.reason}"
    elif after == "ok":
        verdict, why = "mended", f"was {before}: {one.base.reason}"
    elif before == after == "unsupported":
        verdict, why = "equivalent", f"unsupported on both sides: {one.candidate.reason}"
    else:
        verdict, why = "failed", f"{before} then, {after} now: {one.candidate.reason}"
    processes = one.base.processes, one.candidate.processes
    return Finding(case=one.candidate.id, verdict=verdict, reason=why, renamed_from=one.renamed_from, processes=processes)


def _exact(one: Match, *, by_design: bool) -> Iterator[Finding]:
    """Deterministic metrics: any difference counts, as a regression only where the sides were meant to be the same."""
    for metric in EXACT:
        before, after = (set(side.values.get(metric, {}).values()) for side in (one.base, one.candidate))
        if not before and not after:
            continue
        plain = _finding(one, metric, "equivalent", 0.0)
        if not before or not after:
            verdict, where = ("missing", "candidate") if before else ("new", "base")
            yield replace(plain, verdict=verdict, reason=f"the {where} has no such figure")
        elif len(before) > 1 or len(after) > 1:
            values = ", ".join(f"{value:,.0f}" for value in sorted(before | after))
            yield replace(plain, verdict="inconclusive", reason=f"not the same in every process: {values}")
        else:
            yield _exactly(plain, *before, *after, by_design=by_design)


def _exactly(plain: Finding, before: float, after: float, *, by_design: bool) -> Finding:
    ratio = after / before if before else 1.0 if after == before else None
    found = replace(plain, base=before, candidate=after, ratio=ratio, low=ratio, high=ratio, test="exact")
    if after == before:
        return found
    better = METRICS[plain.metric].better
    worse = (after > before) == (better == "lower")
    verdict = "changed" if better is None or by_design else "regressed" if worse else "improved"
    return replace(found, verdict=verdict, failing=verdict == "regressed")


def _sampled(one: Match, policy: Policy, *, paired: bool, drifted: Drift = _STEADY) -> Iterator[Hypothesis | Finding]:
    """A hypothesis for each sampled metric, or a finding with why there can be none. The canary's own times stand for the machine alone."""
    for metric in policy.metrics:
        if drifted.case == one.base.id and power_of_drift(metric):
            continue
        before, after = dict(one.base.values.get(metric, {})), dict(one.candidate.values.get(metric, {}))
        if not before and not after:
            continue
        plain = _finding(one, metric, "inconclusive", policy.effect(one.candidate.id, metric))
        if not before or not after:
            verdict, where = ("missing", "candidate") if before else ("new", "base")
            yield replace(plain, verdict=verdict, reason=f"the {where} has no such figure")
            continue
        if paired:
            both = sorted(before.keys() & after.keys())
            before, after = {key: before[key] for key in both}, {key: after[key] for key in both}
        if not usable([*before.values(), *after.values()]):
            yield replace(plain, reason="a process reports a figure of 0 or less, which has no ratio")
            continue
        counts = len(before), len(after)
        known = replace(plain, base=median(before.values()), candidate=median(after.values()), processes=counts) if min(counts) else plain
        sample = Sample.of(list(before.values()), list(after.values()), paired=paired)
        ready = Hypothesis(replace(known, reason=_caveats(one)), sample, drifted.of(metric))
        yield ready if sample.enough else _advisory(known, policy)


def _advisory(finding: Finding, policy: Policy) -> Finding:
    """Too few processes for a verdict: the ratio is a hint."""
    few = min(finding.processes)
    how = "one process" if few == 1 else f"{few} processes"
    ratio = finding.candidate / finding.base if finding.base and finding.candidate else None
    hint = ""
    if ratio is not None and not 1 / (1 + policy.min_effect) <= ratio <= 1 + policy.min_effect:
        hint = f"{abs(ratio - 1):.1%} {'more' if ratio > 1 else 'less'}, but "
    reason = f"advisory: {hint}{how} a side is no evidence; {LEAST_PROCESSES} is the least, 10 are better: --processes 10"
    return replace(finding, ratio=ratio, reason=reason)


def _incompatible(row: Hypothesis | Finding, unlike: Mapping[str, tuple[object, object]]) -> Finding:
    """The finding; where machine or conditions differ and both sides have a figure, that is the verdict."""
    finding = row.finding if isinstance(row, Hypothesis) else row
    if not unlike or not finding.base or not finding.candidate:
        return finding
    return replace(finding, verdict="incompatible", ratio=finding.candidate / finding.base, reason=f"{', '.join(unlike)} differ")


def _finding(one: Match, metric: str, verdict: str, effect: float) -> Finding:
    counts = (len(one.base.values.get(metric, {})), len(one.candidate.values.get(metric, {})))
    return Finding(
        case=one.candidate.id, metric=metric, verdict=verdict, min_effect=effect, processes=counts, renamed_from=one.renamed_from
    )


def _caveats(one: Match) -> str:
    sides = (("base", one.base), ("candidate", one.candidate))
    return "; ".join(f"{name}: {note}" for name, side in sides for note in (*side.notes, *_lost(side)))


def _lost(side: Observed) -> Iterator[str]:
    if side.lost:
        yield f"{side.lost} of {side.lost + side.processes} processes ended otherwise ({side.reason})"


def _notes(base: Side, candidate: Side) -> Iterator[str]:
    for side in (base, candidate):
        yield from (f"{side.label}: {note}" for note in side.notes)
    for side, other in ((base, candidate), (candidate, base)):
        if count := len(side.left_out & other.cases.keys()):
            cases = "1 case" if count == 1 else f"{count} cases"
            yield f"{side.label}: {cases} of {other.label} left out by --since: nothing that they rest on changed after {side.since}"
    hosts = base.machine.get("hostname"), candidate.machine.get("hostname")
    if all(hosts) and hosts[0] != hosts[1]:
        yield f"host names differ ({hosts[0]}, {hosts[1]}): machines of one model are not one machine; a duet measures both sides on one"
