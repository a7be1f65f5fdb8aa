"""Two sides held against each other: a finding for every metric of every case, none left out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rnnbench.analysis.canary import Drift, drift_between, power_of_drift
from rnnbench.analysis.evidence import LEAST_PROCESSES, Evidence, Sample, benjamini_hochberg, holm, weigh
from rnnbench.analysis.match import Match, Matched, match, nearest, unlike_conditions, unlike_software
from rnnbench.analysis.policy import Policy
from rnnbench.analysis.side import Observed, Side, usable
from rnnbench.analysis.verdict import Comparison, Finding, gravest_first
from rnnbench.errors import EXIT_INCONCLUSIVE, RnnbenchError, UsageError
from rnnbench.record import METRICS

_STEADY = Drift()
EXACT = tuple(name for name, one in METRICS.items() if one.deterministic)


class NothingToCompare(RnnbenchError):
    """A side without cases, or two without one in common."""

    exit_code = EXIT_INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class Trial:
    """A finding still to be decided, with its sample."""

    finding: Finding
    sample: Sample


def compare(base: Side, candidate: Side, policy: Policy) -> Comparison:
    """Every verdict. Raises NothingToCompare where a side is empty or no case is on both."""
    matched = _matched(base, candidate)
    unlike = unlike_conditions(base, candidate)
    software = unlike_software(base, candidate)
    paired = bool(base.duet) and base.duet == candidate.duet
    drifted = Drift() if paired or unlike else drift_between(base, candidate, policy.canary, software)
    findings = list(_alone(matched))
    trials: list[Trial] = []
    for one in matched.both:
        if one.renamed_from:
            findings.append(
                Finding(case=one.candidate.id, verdict="renamed", renamed_from=one.renamed_from, reason=f"was {one.renamed_from}")
            )
        if one.base.status != "ok" or one.candidate.status != "ok":
            findings.append(_by_status(one))
            continue
        if policy.only != "sampled":
            findings += _exact(one)
        if policy.only != "deterministic":
            for row in _sampled(one, policy, paired=paired, drifted=drifted):
                if isinstance(row, Trial) and not unlike:
                    trials.append(row)
                else:
                    findings.append(_incompatible(row, unlike))
    findings += decide(trials, policy.alpha)
    return Comparison(
        base=base.label,
        candidate=candidate.label,
        findings=gravest_first(findings),
        paired=paired,
        alpha=policy.alpha,
        differences={**unlike, **software},
        notes=(*_notes(base, candidate), *([drifted.told] if drifted.told else [])),
    )


def trials_of(base: Side, candidate: Side, policy: Policy) -> list[Trial]:
    """What can be tested of two paired sides, and nothing else."""
    both = [one for one in match(base, candidate).both if one.base.status == one.candidate.status == "ok"]
    rows = [row for one in both for row in _sampled(one, policy, paired=True)]
    return [row for row in rows if isinstance(row, Trial)]


def decide(trials: Sequence[Trial], alpha: float, family: int | None = None) -> list[Finding]:
    """The verdict of each sampled metric, corrected for their number, or for `family` where more were tested than are here."""
    absent = [1.0] * (max(family or 0, len(trials)) - len(trials))
    weighed = [weigh(one.sample, one.finding.min_effect or 0, alpha, len(trials) + len(absent)) for one in trials]
    signs = [-1 if METRICS[one.finding.metric].better == "higher" else 1 for one in trials]
    worse = [one.p_above if sign > 0 else one.p_below for one, sign in zip(weighed, signs, strict=True)]
    better = [one.p_below if sign > 0 else one.p_above for one, sign in zip(weighed, signs, strict=True)]
    corrected = (holm([*worse, *absent]), benjamini_hochberg([*worse, *absent]), benjamini_hochberg([*better, *absent]))
    rows = zip(trials, weighed, worse, *(values[: len(trials)] for values in corrected), strict=True)
    return [_decided(trial.finding, one, alpha, p, by_holm, by_bh, gain) for trial, one, p, by_holm, by_bh, gain in rows]


def _decided(finding: Finding, one: Evidence, alpha: float, p_worse: float, p_holm: float, p_bh: float, p_better_bh: float) -> Finding:
    failing = p_holm <= alpha
    listed = failing or p_bh <= alpha
    verdict = "regressed" if listed else "improved" if p_better_bh <= alpha else "equivalent" if one.p_within <= alpha else "inconclusive"
    reason = "" if failing or not listed else "listed by Benjamini–Hochberg, not failing by Holm: repeat with more processes"
    return replace(
        finding,
        verdict=verdict,
        ratio=one.ratio,
        low=one.low,
        high=one.high,
        detectable=one.detectable,
        test=one.test,
        p_worse=p_worse,
        p_holm=p_holm,
        p_bh=p_bh,
        failing=failing,
        reason="; ".join(filter(None, (reason, finding.reason))),
    )


def _matched(base: Side, candidate: Side) -> Matched:
    for side in (base, candidate):
        if not side.cases:
            raise NothingToCompare(f"{side.label!r} holds no case: {'; '.join(side.notes) or 'nothing was measured'}")
    found = match(base, candidate)
    if not found.both:
        raise NothingToCompare(
            f"no case of {base.label!r} is in {candidate.label!r}:"
            f" they hold {next(iter(base.cases))!r} and {next(iter(candidate.cases))!r}, …"
        )
    return found


def _alone(matched: Matched) -> Iterator[Finding]:
    for one in matched.missing:
        yield Finding(case=one.id, verdict="missing", reason=nearest(one, matched.new))
    for one in matched.new:
        yield Finding(case=one.id, verdict="new", reason=nearest(one, matched.missing))


def _by_status(one: Match) -> Finding:
    """Where a side did not measure the case. Unsupported on both sides is as it should be."""
    before, after = one.base.status, one.candidate.status
    if before == "ok":
        verdict, why = "broken", f"{after}: {one.candidate.reason}"
    elif after == "ok":
        verdict, why = "mended", f"was {before}: {one.base.reason}"
    elif before == after == "unsupported":
        verdict, why = "equivalent", f"unsupported on both sides: {one.candidate.reason}"
    else:
        verdict, why = "failed", f"{before} then, {after} now: {one.candidate.reason}"
    processes = one.base.processes, one.candidate.processes
    return Finding(case=one.candidate.id, verdict=verdict, reason=why, renamed_from=one.renamed_from, processes=processes)


def _exact(one: Match) -> Iterator[Finding]:
    """Deterministic metrics: any difference is one."""
    for metric in EXACT:
        before, after = (set(side.values.get(metric, {}).values()) for side in (one.base, one.candidate))
        if not before and not after:
            continue
        plain = _finding(one, metric, "equivalent", 0.0)
        if not before or not after:
            verdict, where = ("missing", "candidate") if before else ("new", "base")
            yield replace(plain, verdict=verdict, reason=f"the {where} has no such figure")
        elif len(before) > 1 or len(after) > 1:
            seen = ", ".join(f"{value:,.0f}" for value in sorted(before | after))
            yield replace(plain, verdict="inconclusive", reason=f"not the same in every process: {seen}")
        else:
            yield _exactly(plain, *before, *after)


def _exactly(plain: Finding, before: float, after: float) -> Finding:
    ratio = after / before if before else 1.0 if after == before else None
    told = replace(plain, base=before, candidate=after, ratio=ratio, low=ratio, high=ratio, test="exact")
    if after == before:
        return told
    better = METRICS[plain.metric].better
    worse = (after > before) == (better == "lower")
    verdict = "changed" if better is None else "regressed" if worse else "improved"
    return replace(told, verdict=verdict, failing=verdict == "regressed")


def _sampled(one: Match, policy: Policy, *, paired: bool, drifted: Drift = _STEADY) -> Iterator[Trial | Finding]:
    """A trial for each sampled metric, or a finding with why there can be none. The canary's own times tell of the machine alone."""
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
        by = drifted.of(metric)
        sample = Sample.of(list(before.values()), [value / by for value in after.values()], paired=paired)
        yield Trial(replace(known, reason=_caveats(one)), sample) if sample.enough else _advisory(known, policy)


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


def _incompatible(row: Trial | Finding, unlike: Mapping[str, tuple[object, object]]) -> Finding:
    """The finding; where machine or conditions differ and both sides have a figure, that is the verdict."""
    finding = row.finding if isinstance(row, Trial) else row
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
    return "; ".join(f"{name}: {told}" for name, side in sides for told in (*side.notes, *_lost(side)))


def _lost(side: Observed) -> Iterator[str]:
    if side.lost:
        yield f"{side.lost} of {side.lost + side.processes} processes ended otherwise ({side.reason})"


def _notes(base: Side, candidate: Side) -> Iterator[str]:
    for side in (base, candidate):
        yield from (f"{side.label}: {note}" for note in side.notes)
    hosts = base.machine.get("hostname"), candidate.machine.get("hostname")
    if all(hosts) and hosts[0] != hosts[1]:
        yield f"host names differ ({hosts[0]}, {hosts[1]}): machines of one model are not one machine; a duet measures both sides on one"


def same_side(base: Side, candidate: Side) -> None:
    """Refuse to compare a measurement with itself."""
    if (base.kind, base.label) == (candidate.kind, candidate.label) and base.taken_utc == candidate.taken_utc:
        raise UsageError(f"base and candidate are both {base.label!r}: name two measurements")
