"""`rnnbench list`: tables that fit a terminal, and everything about one thing."""

import pytest

from rnnbench.variants import VARIANTS


@pytest.mark.parametrize("kind", ["suites", "variants", "tasks", "axes"])
def test_a_list_fits_eighty_columns_whole(typed, kind, tmp_path):
    """Nothing is cut, and no line is longer than the terminal."""
    done = typed("list", kind, cwd=tmp_path, COLUMNS="80")
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    assert "…" not in done.out


def test_variants_are_listed_with_what_they_are(typed, tmp_path):
    """Name, first line of the docstring and implementations; the source and the form on CUDA where they are asked for."""
    plain, sourced = (typed("list", "variants", *more, cwd=tmp_path, COLUMNS="200").out for more in ((), ("--sources",)))
    for name, one in VARIANTS.all().items():
        assert name in plain
        assert ", ".join(one.implementations) in plain
    assert VARIANTS["act_lstm"].source in sourced
    assert VARIANTS["act_lstm"].source not in plain
    assert sourced.count("on CUDA: ") == sum("triton" in one.implementations for one in VARIANTS.all().values())
    assert "on CUDA: " not in plain


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("variant", "early_exit_lstm"), ("1709.01686", "halt_at (0.9)", "where phase is forward or converge", "loop, cell, fused")),
        (("suite", "scaling"), ("efficiency_share", "processes=1")),
        (("axis", "window"), ("128", "applies", "to variants that declare it")),
        (("task", "adding"), ("sum of the two marked",)),
    ],
)
def test_one_thing_is_shown_in_full(typed, words, found, tmp_path):
    """`list variant NAME` and the like show every field of one."""
    told = typed("list", *words, cwd=tmp_path).out
    assert [one for one in found if one not in told] == []


def test_a_misspelt_name_lists_the_nearest_first(typed, tmp_path):
    """An unknown variant or kind is quoted with what there is."""
    assert "unknown variant 'lstmm'; choose from: lstm" in typed("list", "variant", "lstmm", cwd=tmp_path).err
    assert "unknown list 'suits'; choose from: suites" in typed("list", "suits", cwd=tmp_path).err


def test_a_plugins_axes_are_listed(typed, tmp_path):
    """A variant of one's own is shown with the hyperparameters that it declares."""
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from rnnbench import own_axis, variant\n"
        "@variant(axes={'keep': own_axis(0.5, 'share of the state that is kept')})\n"
        "def mine(case):\n    '''Mine.'''\n"
    )
    told = typed("list", "variant", "mine", "--plugin", plugin, cwd=tmp_path).out
    assert "keep (0.5): share of the state that is kept" in told
