"""``import recsys_ops``: the public names, and nothing heavy before it is needed."""

import subprocess
import sys

import pytest

import recsys_ops

HEAVY = ("torch", "ray", "sklearn", "pyomo", "spflow", "highspy")


def loaded_after(code: str) -> set[str]:
    """Which heavy libraries a clean process has imported."""
    script = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if sys.modules.get(name)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.usefixtures("machine")
def test_the_import_and_the_names_of_errors_load_nothing_heavy() -> None:
    assert loaded_after("import recsys_ops; recsys_ops.InputError, recsys_ops.Status, dir(recsys_ops)") == set()


@pytest.mark.usefixtures("machine")
def test_an_explanation_works_and_a_recourse_says_what_is_missing_where_ray_torch_pyomo_and_spflow_are_not_installed() -> (
    None
):
    without_them = """
sys.modules.update(dict.fromkeys(("ray", "torch", "pyomo", "spflow", "jobs")))  # as if not installed
import numpy as np, recsys_ops
from recsys_ops.libraries import needed_for
ratings = (np.random.default_rng(0).random((30, 10)) < 0.5) * 4.0
model = recsys_ops.fit_ease(ratings, ridge=1.0)
print(recsys_ops.explain(model, ratings, user=5, k=3))
try:
    with needed_for("the search"):
        import recsys_ops.recourse.descent
except recsys_ops.ConfigError as error:
    assert str(error).startswith("the search needs the package torch, which is not installed here. Install it: pip")
else:
    raise AssertionError
"""
    assert loaded_after(without_them) == {"highspy"}


def test_every_public_name_is_there() -> None:
    assert sorted(recsys_ops.__all__) == recsys_ops.__all__
    assert set(recsys_ops.__all__) <= set(dir(recsys_ops))
    for name in recsys_ops.__all__:
        assert getattr(recsys_ops, name).__name__ == name
        assert getattr(recsys_ops, name).__doc__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'recsys_ops' has no attribute 'explian'"):
        _ = recsys_ops.explian
