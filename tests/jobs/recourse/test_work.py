"""The order of a case's options, given what was learned."""

from dataclasses import replace

from jobs.recourse.work import _likeliest_first
from recsys_ops.acceptance.learned import Learned
from recsys_ops.features.changes import Change
from recsys_ops.recourse.solve import Recourse
from recsys_ops.status import Status


def option(number: int, *features: str) -> Recourse:
    changes = [Change(feature, "", "", "") for feature in features]
    return Recourse(0, Status.FEASIBLE, None, 5, changes=changes, option=number, sparsity=len(changes), proximity=1.0)


def test_an_option_that_its_provider_cannot_carry_out_is_not_the_first_even_without_willingness() -> None:
    options = [option(0, "tag: new"), option(1, "price", "tag: old"), option(2, "price")]
    learned = Learned(impossible={"ann": {"tag: new"}})
    ordered = _likeliest_first(options, "ann", "7", learned)
    assert ordered[0].changes == options[1].changes
    assert [one.option for one in ordered] == [0, 1, 2]
    assert _likeliest_first(options, "bob", "7", learned) == options


def test_an_option_that_was_dismissed_is_not_the_first_even_if_it_stood() -> None:
    options = [replace(option(0, "tag: new"), since="night-1"), option(1, "price", "tag: old")]
    learned = Learned(dismissed={"7": {frozenset({"tag: new"})}})
    assert _likeliest_first(options, "ann", "7", learned)[0].changes == options[1].changes
    assert _likeliest_first(options, "ann", "8", learned) == options
