"""Settings of the gate: pyproject.toml and the command line, refused by name where they cannot be."""

import pytest

from rnnbench.errors import UsageError
from rnnbench.gate.policy import Policy, policy_of, read_policy, share


@pytest.mark.parametrize(("text", "value"), [("2%", 0.02), ("2 %", 0.02), ("0.02", 0.02), (0.5, 0.5), (".5%", 0.005)])
def test_shares_are_read(text, value):
    """Per cent or a number."""
    assert share(text, "x") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "2", "-1%", "0", "two", "nan", "2%%", None, "1e3"])
def test_other_shares_are_refused(text):
    """What is no share above 0 and up to 100 % is quoted."""
    with pytest.raises(UsageError, match="x="):
        share(text, "x")


def test_the_last_override_that_fits_counts(tmp_path):
    """Suites, cases and metrics may have effects of their own."""
    path = tmp_path / "pyproject.toml"
    path.write_text(
        """
[tool.rnnbench.gate]
min-effect = "3%"
alpha = 0.02
metrics = ["step_time_s", "backward_s"]
[[tool.rnnbench.gate.override]]
suite = "depth"
min-effect = "5%"
[[tool.rnnbench.gate.override]]
case = "depth/*bf16*"
metric = "backward_s"
min-effect = "10%"
""",
        encoding="utf-8",
    )
    policy = read_policy(path)
    assert (policy.min_effect, policy.alpha, policy.metrics) == (0.03, 0.02, ("step_time_s", "backward_s"))
    assert policy.effect("width/lstm-fp32", "step_time_s") == 0.03
    assert policy.effect("depth/lstm-bf16", "step_time_s") == 0.05
    assert policy.effect("depth/lstm-bf16", "backward_s") == 0.10
    assert policy.with_effects(["backward_s=1%", "4%"]).effect("depth/lstm-bf16", "backward_s") == 0.01


def test_no_settings_are_the_default(tmp_path):
    """A folder without pyproject.toml, and one without the table."""
    assert read_policy(tmp_path / "pyproject.toml") == Policy()
    (tmp_path / "pyproject.toml").write_text("[tool.other]\nx = 1\n", encoding="utf-8")
    assert read_policy(tmp_path / "pyproject.toml") == Policy()


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"min_effect": "2%"}, "min_effect"),
        ({"min-effect": "200%"}, "200%"),
        ({"alpha": "low"}, "alpha"),
        ({"alpha": 0.9}, "alpha"),
        ({"metrics": "step_time_s"}, "metrics"),
        ({"metrics": ["parameters"]}, "parameters"),
        ({"metrics": ["speed"]}, "speed"),
        ({"override": {}}, "override"),
        ({"override": [{"case": "x"}]}, "min-effect"),
        ({"override": [{"case": "x", "suite": "y", "min-effect": "2%"}]}, "not both"),
        ({"override": [{"cases": "x", "min-effect": "2%"}]}, "cases"),
        ([], "a table"),
    ],
)
def test_settings_that_cannot_be_are_refused(table, told):
    """Each mistake is quoted, and is one of usage."""
    with pytest.raises(UsageError, match=told):
        policy_of(table)


def test_a_file_that_is_no_toml_is_told(tmp_path):
    """The path and the line are quoted."""
    (tmp_path / "pyproject.toml").write_text("[tool", encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be read"):
        read_policy(tmp_path / "pyproject.toml")
