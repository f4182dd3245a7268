"""Tables in a folder: every kind of file, any order of rows, mapped columns, clear messages."""

import shutil
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recsys_ops.datasets import Dataset, load_dataset
from recsys_ops.datasets.folder import read_folder
from recsys_ops.errors import ConfigError, InputError

Tables = dict[str, pa.Table]
Write = Callable[..., str]

FEATURES_YAML = """\
rating_range: [1, 5]
features:
  - {column: description, kind: text}
  - {column: price, kind: number, direction: decrease}
  - {column: colour, kind: category, mutable: false}
"""


def assert_same(one: Dataset, other: Dataset) -> None:
    assert one.fingerprint == other.fingerprint
    assert one.users.equals(other.users)
    assert one.items.equals(other.items)
    assert one.user_ids.equals(other.user_ids)
    assert one.item_ids.equals(other.item_ids)
    assert one.rules == other.rules
    for part in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(one.ratings, part), getattr(other.ratings, part))


def test_rows_are_aligned_with_the_ids_in_ascending_order(tables: Tables, write: Write) -> None:
    dataset = read_folder(write(tables))
    assert dataset.name == "shop"
    assert dataset.user_ids.to_pylist() == dataset.users.column("user_id").to_pylist() == [2, 4, 7, 9]
    assert dataset.item_ids.to_pylist() == dataset.items.column("item_id").to_pylist() == ["a", "b", "c"]
    expected = [[4.5, 0, 5], [3, 0, 0], [0, 0, 0], [2, 1, 0]]
    np.testing.assert_array_equal(dataset.ratings.toarray(), expected)
    assert dataset.ratings.dtype == np.float32
    assert dataset.ratings.has_sorted_indices
    assert [rule.column for rule in dataset.rules] == ["description", "price", "colour"]


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "feather", "csv", "csv.gz", "tsv", "tsv.gz"])
def test_every_kind_of_file_gives_the_same_data_set(tables: Tables, write: Write, suffix: str) -> None:
    assert_same(read_folder(write(tables, suffix, folder=suffix)), read_folder(write(tables)))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), suffix=st.sampled_from(["parquet", "csv"]))
def test_the_order_of_rows_and_columns_does_not_matter(tables: Tables, write: Write, seed: int, suffix: str) -> None:
    rng = np.random.default_rng(seed)
    shuffled = {
        name: table.take(rng.permutation(table.num_rows)).select(rng.permutation(table.column_names).tolist())
        for name, table in tables.items()
    }
    one, other = read_folder(write(tables)), read_folder(write(shuffled, suffix, folder=f"shuffled-{suffix}"))
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.ratings.toarray(), other.ratings.toarray())


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("interactions", "rating", 4.0),
        ("items", "description", "x"),
        ("items", "price", 31.0),
        ("users", "city", "Rom"),
    ],
)
def test_another_value_anywhere_gives_another_fingerprint(
    tables: Tables, write: Write, table: str, column: str, value: object
) -> None:
    before = read_folder(write(tables)).fingerprint
    values = [value, *tables[table].column(column).to_pylist()[1:]]
    position = tables[table].schema.get_field_index(column)
    tables[table] = tables[table].set_column(position, column, pa.array(values))
    assert read_folder(write(tables)).fingerprint != before


def test_a_null_and_an_empty_description_have_different_fingerprints(tables: Tables, write: Write) -> None:
    prints = set()
    for text in (None, ""):
        column = pa.array(["oak", text, "bowl"], pa.string())
        items = tables["items"].set_column(3, "description", column)
        prints.add(read_folder(write(tables | {"items": items})).fingerprint)
    assert len(prints) == 2


def test_without_a_users_table_the_users_are_those_who_rated(tables: Tables, write: Write) -> None:
    del tables["users"]
    assert read_folder(write(tables)).user_ids.to_pylist() == [2, 4, 9]


def test_tables_are_read_from_any_fsspec_url(tables: Tables, write: Write) -> None:
    folder = Path(write(tables, "csv"))
    memory = fsspec.filesystem("memory")
    for file in folder.iterdir():
        memory.pipe(f"/bucket/shop/{file.name}", file.read_bytes())
    assert_same(load_dataset("memory://bucket/shop/", seed=0), read_folder(str(folder)))


def test_a_yaml_elsewhere_points_at_a_read_only_folder_and_maps_columns(
    tables: Tables, write: Write, tmp_path: Path
) -> None:
    expected = read_folder(write(tables))
    renamed = tables["items"].rename_columns(["id", "seller", "name", "description", "price", "colour"])
    foreign = write({"items": renamed}, "csv", folder="foreign")
    (tmp_path / "mine").mkdir()
    shutil.copy(tmp_path / "shop" / "interactions.parquet", tmp_path / "mine" / "ratings.parquet")
    shutil.copy(tmp_path / "shop" / "users.parquet", tmp_path / "mine")
    mapping = tmp_path / "mine" / "shop.yaml"
    mapping.write_text(
        FEATURES_YAML
        + f"""
tables:
  interactions: {{file: ratings.parquet}}
  items: {{file: {foreign}/items.csv, columns: {{item_id: id, seller_id: seller, title: name}}}}
"""
    )
    dataset = read_folder(str(mapping))
    assert dataset.name == "shop"
    assert dataset.items.select(expected.items.column_names).equals(expected.items)
    np.testing.assert_array_equal(dataset.ratings.toarray(), expected.ratings.toarray())


def test_one_source_column_may_serve_several_contract_columns(tables: Tables, write: Write) -> None:
    yaml = FEATURES_YAML + "tables: {items: {columns: {seller_id: colour, words: title}}}\n"
    items = tables["items"].drop_columns(["seller_id"]).set_column(4, "colour", pa.array(["x", "y", "x"]))
    dataset = read_folder(write(tables | {"items": items}, yaml=yaml))
    assert dataset.items.column("seller_id").to_pylist() == ["y", "x", "x"]
    assert dataset.items.column("words").to_pylist() == dataset.items.column("title").to_pylist()


def test_csv_ids_that_turn_into_words_late_in_the_file_are_strings(tables: Tables, write: Write) -> None:
    n = 200_000
    names = [*map(str, range(n)), "last"]
    items = pa.table({"item_id": names, "seller_id": names, "title": ["t"] * (n + 1), "size": [*range(n), 0.5]})
    yaml = "rating_range: [1, 5]\nfeatures: [{column: size, kind: number}]\n"
    ratings = pa.table({"user_id": [1], "item_id": ["last"], "rating": [5]})
    folder = Path(write({"interactions": ratings}, "csv", yaml))
    rows = "".join(f"{row['item_id']},{row['seller_id']},t,{row['size']:g}\n" for row in items.to_pylist())
    (folder / "items.csv").write_text("item_id,seller_id,title,size\n" + rows)
    dataset = read_folder(str(folder))
    assert dataset.items.schema.field("seller_id").type == pa.string()
    assert dataset.items.num_rows == n + 1
    assert dataset.items.schema.field("size").type == pa.float64()


SHOP_YAML = "rating_range: [1, 5]\nfeatures: [{column: size, kind: ordinal, values: ['7', '7.5']}]\n"


def test_csv_ids_come_back_as_written(tmp_path: Path) -> None:
    (tmp_path / "features.yaml").write_text(SHOP_YAML)
    (tmp_path / "items.csv").write_text("item_id,seller_id,title,size\n00001,07,A,7.5\n00002,08,007,7\n")
    (tmp_path / "interactions.csv").write_text("user_id,item_id,rating\n3,00002,5\n12,00001,4\n")
    dataset = read_folder(str(tmp_path))
    assert dataset.item_ids.to_pylist() == ["00001", "00002"]
    assert dataset.user_ids.to_pylist() == [3, 12]
    assert dataset.items.column("seller_id").to_pylist() == ["07", "08"]
    assert dataset.items.column("title").to_pylist() == ["A", "007"]
    assert dataset.items.column("size").to_pylist() == ["7.5", "7"]


@pytest.mark.parametrize("ratings_suffix", ["csv", "parquet"])
def test_ids_that_are_words_in_one_csv_table_are_words_in_the_other(tmp_path: Path, ratings_suffix: str) -> None:
    (tmp_path / "features.yaml").write_text(SHOP_YAML)
    (tmp_path / "items.csv").write_text("item_id,seller_id,title,size\n1195153448,s,A,7\n080442957X,s,B,7.5\n")
    if ratings_suffix == "csv":
        (tmp_path / "interactions.csv").write_text("user_id,item_id,rating\n1,1195153448,5\n")
    else:
        ratings = pa.table({"user_id": [1], "item_id": ["1195153448"], "rating": [5]})
        pa.parquet.write_table(ratings, tmp_path / "interactions.parquet")
    assert read_folder(str(tmp_path)).item_ids.to_pylist() == ["080442957X", "1195153448"]


def test_integers_in_a_csv_table_match_strings_in_a_parquet_table(tables: Tables, write: Write) -> None:
    users = tables["users"].set_column(0, "user_id", pa.array(["2", "4", "9", "7"]))
    folder = Path(write({"users": users, "items": tables["items"]}))
    write({"interactions": tables["interactions"]}, "csv")
    assert read_folder(str(folder)).user_ids.to_pylist() == ["2", "4", "7", "9"]


def test_a_json_list_in_a_csv_column_of_tags_becomes_its_tags(tmp_path: Path) -> None:
    (tmp_path / "features.yaml").write_text("rating_range: [1, 5]\nfeatures: [{column: tags, kind: tags}]\n")
    (tmp_path / "items.csv").write_text('item_id,seller_id,title,tags\n1,s,A,"[""vegan"", ""gift""]"\n2,s,B,[]\n')
    (tmp_path / "interactions.csv").write_text("user_id,item_id,rating\n1,1,5\n")
    assert read_folder(str(tmp_path)).items.column("tags").to_pylist() == [["vegan", "gift"], []]


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("features: [{column: price, kind: number}]", "there are ratings, but features.yaml has no rating_range"),
        ("rating_range: [5, 1]\nfeatures: [{column: price, kind: number}]", "first must be less than the second"),
        ("rating_range: [1, 5]\nfeatures: []", "features.yaml: features: .*at least 1 item"),
        ("rating_range: [1, 5]\nfeatures: [{column: price, kind: size}]", r"features.yaml: features.0.kind: .*'size'"),
        (
            "rating_range: [1, 5]\nfeature: 3",
            r"1. features.yaml: features: Field required .*\n  2. .*Did you mean 'features'\?",
        ),
        (FEATURES_YAML + "tables: {books: {}}", r"features.yaml: tables.books"),
        (
            FEATURES_YAML + "tables: {items: {columns: {title: name}}}",
            r"items.parquet: column 'name' that tables.items",
        ),
        (FEATURES_YAML + "  - {column: price, kind: text}", "name column price more than once"),
        (
            FEATURES_YAML + "  - {column: a, kind: text, label: price}",
            "columns 'price' and 'a' are both called 'price'",
        ),
        (FEATURES_YAML + "  - {column: size, kind: number}", "items.parquet: column 'size' is missing"),
        (
            FEATURES_YAML + "rating_range: [1, 9]",
            r"yaml: 'rating_range' is there twice .* \(again in line 6\)",
        ),
        (FEATURES_YAML + "tables: {items: {file: a, file: b}}", r"features.yaml: 'file' is there twice in one place"),
        (FEATURES_YAML + "tables: {items: {file: goods.csv}}", "goods.csv: there is no such file"),
        (FEATURES_YAML + "tables: {items: {file: goods.xls}}", "goods.xls: unknown kind of file"),
        ("rating_range: [1", "features.yaml: not YAML"),
    ],
)
def test_a_wrong_features_yaml_is_named_by_field(tables: Tables, write: Write, yaml: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_folder(write(tables, yaml=yaml))


def test_a_features_yaml_that_is_not_utf8_is_named(tables: Tables, write: Write) -> None:
    folder = Path(write(tables))
    (folder / "features.yaml").write_bytes("# dédié\n".encode("latin-1") + FEATURES_YAML.encode())
    with pytest.raises(InputError, match=r"features.yaml: not UTF-8 \(invalid continuation byte\). Save it as UTF-8."):
        read_folder(str(folder))


@pytest.mark.parametrize("value", ["s3://KEY:hush@bucket/x", "[s3://KEY:hush@bucket/x]", "{a: s3://KEY:hush@b/x}"])
def test_credentials_in_a_features_yaml_are_refused_without_repeating_them(
    tables: Tables, write: Write, value: str
) -> None:
    with pytest.raises(ConfigError, match="the URL holds credentials") as caught:
        read_folder(write(tables, yaml=FEATURES_YAML + f"tables: {{items: {{file: {value}}}}}"))
    assert "hush" not in str(caught.value)


def test_a_list_where_a_text_belongs_is_refused_without_repeating_it(tables: Tables, write: Write) -> None:
    with pytest.raises(InputError, match=r"tables.items.file: Input should be a valid string \(found a list\)"):
        read_folder(write(tables, yaml=FEATURES_YAML + "tables: {items: {file: [items.csv]}}"))


def test_a_missing_table_lists_what_was_found(tables: Tables, write: Write) -> None:
    del tables["items"]
    with pytest.raises(
        InputError, match=r"no table items\.\* \(found features.yaml, interactions.parquet, users.parquet"
    ):
        read_folder(write(tables))


def test_a_table_that_is_there_twice_stops(tables: Tables, write: Write) -> None:
    write(tables)
    with pytest.raises(InputError, match=r"interactions is there 2 times \(interactions.csv, interactions.parquet\)"):
        read_folder(write(tables, "csv"))


def test_a_folder_without_features_yaml_lists_what_was_found(tables: Tables, write: Write) -> None:
    folder = Path(write(tables))
    (folder / "features.yaml").unlink()
    with pytest.raises(InputError, match=r"features.yaml is missing \(found interactions.parquet, items.parquet"):
        read_folder(str(folder))


def test_a_folder_that_is_not_there_says_what_data_may_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: there is no such folder. Give --data movielens-100k:DIR"):
        read_folder(str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("items.parquet", b"not parquet"),
        ("items.arrow", b"not arrow"),
        ("items.csv.gz", b"not gzip"),
        ("items.csv", b""),
    ],
)
def test_a_file_that_cannot_be_parsed_is_named(tables: Tables, write: Write, file: str, content: bytes) -> None:
    del tables["items"]
    folder = Path(write(tables))
    (folder / file).write_bytes(content)
    with pytest.raises(InputError, match=f"{file}: cannot be read"):
        read_folder(str(folder))


def test_quarantined_rows_are_in_the_data_set(tables: Tables, write: Write) -> None:
    ratings = tables["interactions"].set_column(2, "rating", pa.array([1.0, 9.0, 5.0, 3.0, 2.0]))
    folder = write(tables | {"interactions": ratings}, "csv")
    with pytest.raises(InputError, match=r"interactions.csv: column 'rating' has 1 value outside \[1, 5\]"):
        load_dataset(folder, seed=0)
    dataset = load_dataset(folder, seed=0, on_bad_rows="quarantine")
    assert dataset.ratings.nnz == 4
    assert dataset.rejected.to_pylist() == [
        {"table": "interactions", "row": 1, "column": "rating", "value": "9", "reason": "outside [1, 5]"}
    ]


def test_goodbooks_is_read_by_a_mapping_alone(real_data: Path, tmp_path: Path) -> None:
    (tmp_path / "goodbooks.yaml").write_text(
        f"""
rating_range: [1, 5]
tables:
  interactions: {{file: {real_data}/goodbooks/ratings.csv.gz, columns: {{item_id: book_id}}}}
  items: {{file: {real_data}/goodbooks/books.csv.gz, columns: {{item_id: book_id, seller_id: authors}}}}
features:
  - {{column: shelves, kind: tags, separator: "|", label: shelf}}
  - {{column: language_code, kind: category, mutable: false}}
  - {{column: original_publication_year, kind: number, mutable: false}}
"""
    )
    dataset = read_folder(str(tmp_path / "goodbooks.yaml"))
    assert (dataset.n_users, dataset.n_items, dataset.ratings.nnz) == (2_672, 10_000, 298_176)
    assert np.bincount(dataset.ratings.data.astype(int))[1:].tolist() == [6_502, 18_533, 69_438, 106_126, 97_577]
    assert dataset.items.column("seller_id")[0].as_py() == "Suzanne Collins"
    assert dataset.items.column("language_code").null_count == 1_084
    assert dataset.items.column("original_publication_year").null_count == 21
