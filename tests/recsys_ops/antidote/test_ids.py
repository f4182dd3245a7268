"""Ids of artificial users: never that of a real user, and recognised by a rule."""

import pyarrow as pa
import pytest

from recsys_ops.antidote.ids import artificial_ids
from recsys_ops.errors import ConfigError


def test_artificial_users_are_numbered_above_the_greatest_real_one() -> None:
    ids = artificial_ids(pa.array([7, 3, 5], pa.int32()))
    assert ids.take(0, 2).equals(pa.array([8, 9], pa.int32()))
    assert ids.take(2, 1).equals(pa.array([10], pa.int32()))
    assert ids.rule == "is above 7"


def test_artificial_users_beside_negative_ids_are_positive() -> None:
    assert artificial_ids(pa.array([-7, -3])).take(0, 1).to_pylist() == [1]


def test_strings_get_a_prefix_that_no_real_user_has() -> None:
    ids = artificial_ids(pa.array(["ann", "bob"]))
    assert ids.take(0, 2).equals(pa.array(["antidote-000001", "antidote-000002"]))
    assert ids.rule == "begins with 'antidote-'"


def test_antidote_that_is_in_the_data_already_is_not_taken_for_new() -> None:
    users = pa.array(["ann", "antidote-000001", "antidote-2-000001"], pa.large_string())
    new = artificial_ids(users).take(0, 1)
    assert new.equals(pa.array(["antidote-3-000001"], pa.large_string()))


def test_ids_of_different_cases_do_not_meet() -> None:
    ids = artificial_ids(pa.array(["ann"]))
    assert ids.take(0, 12).to_pylist()[10:] == ids.take(10, 2).to_pylist()


@pytest.mark.parametrize(("kind", "greatest"), [(pa.int8(), 127), (pa.int64(), 2**63 - 1), (pa.uint64(), 2**64 - 1)])
def test_a_type_without_room_above_the_greatest_id_is_refused(kind: pa.DataType, greatest: int) -> None:
    with pytest.raises(ConfigError, match=r"no room for 1 artificial users above\. Store the ids as int64 or"):
        artificial_ids(pa.array([greatest], kind)).check_room(1)


@pytest.mark.parametrize("users", [pa.array([5], pa.int64()), pa.array(["ann"])])
def test_room_for_very_many_is_known_at_once(users: pa.Array) -> None:
    artificial_ids(users).check_room(10**18)
