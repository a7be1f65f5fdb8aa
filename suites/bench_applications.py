"""Applications: train steps of a translator, an acoustic model and a forecaster, each with its own loss."""

from rnnbench import Suite, grid

TRANSLATION = {"variant": ("translation", "translation_attention"), "task": "words", "depth": 4, "input_size": 300, "hidden_size": 512}
SPEECH = {"variant": "speech", "task": "letters", "depth": 5, "input_size": 40, "hidden_size": 256, "bidirectional": True}
FORECASTING = {"variant": "forecasting", "task": "value", "depth": 3, "input_size": 10, "hidden_size": 64}
SMALL = {"depth": 2, "hidden_size": 16, "input_size": 16, "batch_size": 4, "seq_len": 8}


def application(sizes, cpu, cuda):
    both = {"phase": ("forward", "train"), "precision": ("fp32", "bf16")}
    return grid(**sizes, **both, cpu=cpu, cuda=cuda, quick=SMALL, full={"batch_size": (8, 32, 128)})


SUITE = Suite(
    "applications",
    title="Translation, speech and forecasting",
    question="What does a training step of a translator, an acoustic model or a forecaster cost?",
    x="variant",
    hue="precision",
    metric="step_time_s",
    table=("step_time_s", "half_width_ratio", "tokens_per_s", "activation_bytes", "peak_allocated_bytes"),
    baseline={"precision": "fp32"},
    cases=(
        *application(TRANSLATION, {"batch_size": 8, "seq_len": 40}, {"batch_size": 64, "seq_len": 80}),
        *application(SPEECH, {"batch_size": 8, "seq_len": 200}, {"batch_size": 32, "seq_len": 800}),
        *application(FORECASTING, {"batch_size": 32, "seq_len": 96}, {"batch_size": 256, "seq_len": 336}),
    ),
)


def bench_applications(measure, case):
    measure(case)
