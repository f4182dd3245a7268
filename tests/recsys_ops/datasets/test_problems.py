"""All problems of an input at once, in the words of the user's files; and what is allowed but looks wrong."""

import re
from pathlib import Path

import pytest

from recsys_ops.datasets import load_dataset
from recsys_ops.datasets.doubts import doubts
from recsys_ops.errors import InputError

MAPPING = """
rating_range: [1, 5]
tables:
  interactions: {columns: {user_id: Kunde, rating: Sterne}}
  items: {columns: {seller_id: brand}}
features:
  - {column: genres, kind: tags, separator: "|", min_items: 1}
"""
INTERACTIONS = [
    (f"u{user}", f"i{item}", 1 + (user + item) % 5) for user in range(25) for item in range(user % 3, 30, 3)
]


def shop(folder: Path, mapping: str = MAPPING, **changes: str) -> str:
    """A folder of 30 items and 25 users; ``changes`` are whole files by table."""
    ratings = "\n".join(f"{user},{item},{stars}" for user, item, stars in INTERACTIONS)
    items = "\n".join(f"i{item},s{item % 4},Item {item},red|{'blue' if item % 2 else 'green'}" for item in range(30))
    files = {
        "interactions": f"Kunde,item_id,Sterne\n{ratings}\n",
        "items": f"item_id,brand,title,genres\n{items}\n",
    } | changes
    for name, content in files.items():
        (folder / f"{name}.csv").write_text(content, encoding="utf-8")
    (folder / "features.yaml").write_text(mapping, encoding="utf-8")
    return str(folder)


def problems_of(data: str) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        load_dataset(data, seed=0)
    return caught.value.problems


def test_all_problems_of_three_tables_are_said_at_once_each_with_its_remedy(tmp_path: Path) -> None:
    mapping = MAPPING.replace("column: genres", "column: genre").replace("brand}", "brnd}")
    data = shop(
        tmp_path,
        mapping,
        interactions="Kunde,item_id,Sterne\nu1,i1,9\n,i2,3\nu2,i99,x\n",
        users="user_id,age\nu1,3\nu1,4\n",
    )
    found = problems_of(data)
    assert [problem.partition(":")[0] for problem in found] == ["items.csv", "interactions.csv", "users.csv"]
    assert "column 'Sterne' is string, expected a number (1 of 3 values are not numbers" in found[1]
    assert "'brnd' that tables.items.columns names is missing" in found[0]
    assert "Did you mean 'brand'?" in found[0]
    (tmp_path / "features.yaml").write_text(mapping.replace("brnd}", "brand}"), encoding="utf-8")
    (tmp_path / "interactions.csv").write_text("Kunde,item_id,Sterne\nu1,i1,9\n,i2,3\nu2,i99,2\n", encoding="utf-8")
    found = problems_of(data)
    assert "Did you mean 'genres'? Correct features in features.yaml" in found[0]
    assert "users.csv: column 'user_id' has 1 value that an earlier row has" in found[1]
    assert "interactions.csv: column 'Kunde' (user_id) has 1 value missing" in found[2]
    assert "column 'Sterne' (rating) has 1 value outside [1, 5] (first: row 0 = 9)" in found[3]
    assert "column 'Kunde' (user_id) has 1 value that users.csv does not have (first: row 2 = u2)" in found[4]
    assert len(found) == 5


def test_a_bad_item_is_one_problem_and_not_one_more_for_each_interaction(tmp_path: Path) -> None:
    items = shop(tmp_path) and (tmp_path / "items.csv").read_text().replace("i3,s3,Item 3", "i3,,Item 3")
    (tmp_path / "items.csv").write_text(items)
    (problem,) = problems_of(str(tmp_path))
    assert "column 'brand' (seller_id) has 1 value missing (first: row 3 = null)" in problem


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("rating_rang: [1, 5]\n", "rating_rang: Extra inputs are not permitted .* Did you mean 'rating_range'"),
        ("tables: {items: {colums: {}}}\n", "tables.items.colums: .* Did you mean 'columns'"),
        ("features: [{column: a, kind: tag}]\n", "features.0.kind: .* Did you mean 'tags'"),
        ("features: [{column: a, kind: tags, seperator: x}]\n", "seperator: .* Did you mean 'separator'"),
    ],
)
def test_a_misspelt_word_of_features_yaml_is_answered_with_the_right_one(
    tmp_path: Path, mapping: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        load_dataset(shop(tmp_path, mapping), seed=0)


def rows_of(column: str) -> str:
    rows = (f"i{item},s{item % 4},Item {item}," + column.format(item=item, code=7 * item + 3) for item in range(30))
    return "item_id,brand,title,genres\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("rule", "cell", "expected"),
    [
        ("kind: tags", "{{vegan}}", "30 of 30 tags look like a part of JSON"),
        ("kind: tags", '"red;blue;item {item}"', "separator: ';' there are far fewer"),
        ("kind: tags", "sku{item}", "30 of 30 tags are there once"),
        ("kind: text", "<b>fine</b> oak table {item}", "holds HTML in 30 of 30 rows .*html: strip"),
        ("kind: text", "schÃ¶ner Tisch {item}", "what UTF-8 looks like in another encoding"),
        ("kind: number", "{code}", "another whole number in every one of 30 rows"),
        ("kind: category", "A-{item}", "has 30 values in 30 rows"),
        ("kind: number", "5", "tells no items apart"),
        (
            "kind: tags, fixed_values: [Vegan, bestsellr]",
            "vegan|bestseller",
            "fixed_values has 'bestsellr', which no item has. Did you mean 'bestseller'",
        ),
        (
            "kind: text, fixed_values: [oak, Eiche]",
            "fine Oak table {item}",
            "fixed_values has 'Eiche', which no item has",
        ),
        ("kind: tags, requires: {Vegan: [plnt]}", "vegan|plant", "requires has 'plnt', which no item has. Did you"),
        ("kind: tags, excludes: [[new, used]]", "new", "excludes has 'used', which no item has"),
        ("kind: category, fixed_values: [Books]", "{item}", "fixed_values has 'Books', which no item has"),
    ],
)
def test_what_is_allowed_but_looks_wrong_is_said(tmp_path: Path, rule: str, cell: str, expected: str) -> None:
    mapping = MAPPING.replace('kind: tags, separator: "|"', rule)
    if cell.startswith('"red'):
        many = "\n".join(
            f'i{n},s{n % 4},Item {n},"{"red;" * (n % 2)}{"blue;" * (n % 3)}green;{n % 7}"' for n in range(30)
        )
        items = f"item_id,brand,title,genres\n{many}\n"
    else:
        items = rows_of(cell)
    found = doubts(load_dataset(shop(tmp_path, mapping, items=items), seed=0))
    assert any(re.search(expected, doubt) for doubt in found), found


def test_good_data_raise_no_doubt(tmp_path: Path) -> None:
    assert doubts(load_dataset(shop(tmp_path), seed=0)) == []
