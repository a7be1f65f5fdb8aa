"""The goals of `rnnbench choose`: which suite has the candidates, which figure ranks them, and what the answer leaves open."""

from dataclasses import dataclass

from rnnbench.errors import UnknownName

RECURRENT = "lstm,gru,elman,min_gru,min_lstm,sru,qrnn,rg_lru"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """`sets` are defaults that the user's `--set` replaces, axis by axis.

    Candidates are ranked by the sum of `figures`, lower first; `label` names it. `duel` is the metric that finalists are compared by,
    in pairs of processes; empty where figures are exact or candidates are trained. `learns`: candidates are trained; `share`: their
    error is a share; `data` is the suffix of the file that may be given. `open` is what the answer never covers.
    """

    name: str
    question: str
    suite: str
    sets: tuple[str, ...] = ()
    figures: tuple[str, ...]
    label: str
    duel: str = ""
    case_budget_s: float = 1.0
    min_rounds: int = 5
    max_time_s: float = 300.0
    learns: bool = False
    share: bool = False
    data: str = ""
    open: tuple[str, ...] = ()


TRAINING_MEMORY = ("parameter_bytes", "gradient_bytes", "optimizer_bytes", "activation_bytes")
_QUALITY = "Quality: only cost was measured. A faster network that learns less is no gain; train both on your data."
_SIZE = "Equal weights: all candidates have the same hidden size, so their parameter counts differ."
_DEVICE = "Other machines: figures hold for this one."

GOALS: dict[str, Goal] = {
    one.name: one
    for one in (
        Goal(
            name="streaming",
            question="Which network answers each step of a stream soonest, at the 99th percentile?",
            suite="decode",
            sets=("batch_size=1",),
            figures=("p99_s",),
            label="p99 of a decoding step",
            duel="p99_s",
            min_rounds=400,
            open=(_QUALITY, _SIZE, _DEVICE, "Compiled and quantised forms, and a server's own load and queueing."),
        ),
        Goal(
            name="long-sequences",
            question="Which network trains fastest on long sequences?",
            suite="attention",
            sets=("phase=train", "seq_len=4096"),
            figures=("step_time_s",),
            label="time of a training step",
            duel="step_time_s",
            min_rounds=3,
            max_time_s=600.0,
            open=(_QUALITY, _SIZE, _DEVICE, "Other precisions than those of the candidates, and truncated back-propagation."),
        ),
        Goal(
            name="train-fast",
            question="Which network and precision train fastest?",
            suite="variants",
            sets=("phase=train", f"variant={RECURRENT}"),
            figures=("step_time_s",),
            label="time of a training step",
            duel="step_time_s",
            max_time_s=300.0,
            open=(_QUALITY, _SIZE, _DEVICE, "Attention (see the goal long-sequences), torch.compile, and other batch sizes."),
        ),
        Goal(
            name="small-memory",
            question="Which network and precision train in the least memory?",
            suite="variants",
            sets=("phase=train", f"variant={RECURRENT}"),
            figures=TRAINING_MEMORY,
            label="training memory (weights, gradients, optimizer state, activations)",
            case_budget_s=0.05,
            min_rounds=3,
            max_time_s=120.0,
            open=(_QUALITY, _SIZE, "Temporaries and library workspaces, activation checkpointing, and other optimizers."),
        ),
        Goal(
            name="forecast",
            question="Which network forecasts this series best after equally many training steps?",
            suite="own_convergence",
            sets=("task=temperatures", "input_size=4", "seq_len=48", "hidden_size=32", "variant=lstm,gru,elman,min_gru"),
            figures=("test_error",),
            label="test error (1 is as good as the naive forecast)",
            learns=True,
            data=".csv",
            open=(
                "Tuning: all candidates share one learning rate, size and number of steps.",
                "Other splits of the series: the test rows are its last tenth, measured once.",
                "Other kinds of model: gradient boosting and classical forecasts are often strong on short series.",
            ),
        ),
        Goal(
            name="translate",
            question="Which network translates these pairs best after equally many training steps?",
            suite="own_convergence",
            sets=("task=grammar", "seq_len=24", "max_steps=600", "variant=lstm,gru,translation,translation_attention"),
            figures=("test_error",),
            label="test error (sentences not translated exactly)",
            share=True,
            learns=True,
            data=".tsv",
            open=(
                "Tuning: all candidates share one learning rate, size and number of steps.",
                "Partial credit: a sentence with one wrong word counts as wrong; BLEU was not computed.",
                "Pretrained models, which usually win on natural language.",
            ),
        ),
    )
}


def goal(name: str) -> Goal:
    """The goal of this name. Raises UnknownName."""
    if name not in GOALS:
        raise UnknownName("goal", name, GOALS)
    return GOALS[name]


def joined_sets(defaults: tuple[str, ...], given: tuple[str, ...]) -> tuple[str, ...]:
    """The user's overrides, and the defaults for the axes that the user did not set."""
    own = {axis_of(text) for text in given}
    return (*(text for text in defaults if axis_of(text) not in own), *given)


def axis_of(text: str) -> str:
    """The axis of AXIS=VALUE."""
    return text.partition("=")[0].strip()
