"""Small exports of every kind, with what is read or the message that refuses them."""

import bz2
import gzip

import pyarrow as pa

from tests.suites.export import (
    ITEMS,
    ONES,
    RATINGS,
    RULES,
    YAML,
    Export,
    column,
    delta,
    german,
    ids,
    items,
    lines,
    priced,
    ratings,
    rows_of,
    tagged,
    zipped,
)

TWO = ratings(user_id=[1, 2], item_id=["a", "b"], rating=[4.0, 5.0])
PRODUCTS = lines(
    {"parent_asin": "B1", "title": "Tea", "store": "Leaf", "price": 3.5, "description": ["<b>Fine</b> leaf"],
     "features": [], "categories": ["Grocery", "Tea"], "details": {"Brand": "Leaf"}},
    {"parent_asin": "B2", "title": "Pot", "store": None, "price": "from 12.99", "description": [],
     "features": ["Blue", "Holds one litre"], "categories": ["Grocery"], "details": {"Weight": 3}},
)  # fmt: skip
REVIEWS = lines(
    {"user_id": "U1", "parent_asin": "B1", "asin": "B1x", "rating": 4.0, "timestamp": 1588687728923, "images": []},
    {"user_id": "U1", "parent_asin": "B1", "asin": "B1y", "rating": 2.0, "timestamp": 1588687728999, "images": [{}]},
    {"user_id": "U2", "parent_asin": "B2", "asin": "B2x", "rating": 5, "timestamp": 1588687728923, "text": "Good"},
)
BOOKS = (
    '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher"\n'
    '"034545104X";"Flesh; \\"Tones\\"";"M. Rose";"2002";"Ballantine"\n"0155061224";"R\xe8gles";"R. Ely";"1999";"Heinle"\n'
)
READERS = '"User-ID";"Location";"Age"\n"7";"ulm, germany";NULL\n"8";"k\xf6ln";"30"\n'
OF_BOOKS = {"BX-Books.csv": BOOKS.encode("latin-1"), "BX-Users.csv": READERS.encode("latin-1")}
RATED_BOOKS = '"User-ID";"ISBN";"Book-Rating"\n"7";"034545104X";"5"\n"8";"0155061224";"10"\n'
MOVIES = "movieId,title,genres\n1,Toy Story (1995),Adventure|Animation\n7,Odd,(no genres listed)\n"
FILMS = "userId,movieId,rating,timestamp\n1,1,0.5,964982703\n2,7,5.0,964981247\n2,1,3.5,964981247\n"
TYPED = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t034\t4\t964982703\n2\t7\t5\t964982704\n"
TYPED_ITEMS = "item_id:token\tmovie_title:token_seq\tclass:token_seq\tyear:token\n034\tToy Story\tAnimation Comedy\t1995\n7\tHeat\tAction\t1996\n"
RECBOLE = """\
rating_range: [1, 5]
tables:
  interactions: {file: ml.inter}
  items: {file: ml.item, columns: {title: movie_title, seller_id: item_id}}
features:
  - {column: class, kind: tags, separator: " "}
  - {column: year, kind: category}
"""
GERMAN = "item_id;seller_id;title;price;tags\na;Müller;Käse;1.299,50;x\nb;Öz;Öl;3,9;y\n"


LONG = items(*(f'{letter},s,"{"x" * (2**20 - 60)}\r\n{letter}",1,x' for letter in "ab"))

EXPORTS = [
    # ids keep their text
    Export("ids with leading zeros", {"items.csv": ITEMS.replace("a,s", "00034,s").replace("b,s", "00035,s"),
           "interactions.csv": RATINGS.replace(",a,", ",00034,").replace(",b,", ",00035,")}, ids, ["00034", "00035"]),
    Export("ids written as floats", {"items.csv": ITEMS.replace("a,s", "1.0,s").replace("b,s", "2.0,s"),
           "interactions.csv": RATINGS.replace(",a,", ",1.0,").replace(",b,", ",2.0,")}, ids, ["1.0", "2.0"]),
    Export("ISBNs, in one table all digits", {"items.csv": ITEMS.replace("a,s", "080442957X,s").replace("b,s", "7,s"),
           "interactions.csv": "user_id,item_id,rating\n1,7,4\n2,7,5\n"}, value=[[0, 4], [0, 5]]),
    Export("ids with spaces", {"items.csv": ITEMS.replace("a,s", " x,s"),
           "interactions.csv": RATINGS.replace(",a,", ", x,")}, ids, [" x", "b"]),
    Export("float ids of pandas", {"interactions.parquet": ratings(user_id=[1.0, 2.0], item_id=["a", "b"], rating=[1, 5])},
           message="interactions.parquet: column 'user_id' is double, expected integers or strings"),
    Export("ids as categories of pandas", {"interactions.parquet": ratings(user_id=[1, 2], rating=[4, 5],
           item_id=pa.array(["a", "b"]).dictionary_encode())}, value=[[4, 0], [0, 5]]),
    Export("an empty id", {"interactions.csv": RATINGS + ",b,3\n"},
           message="interactions.csv: column 'user_id' has 1 value missing .*row 3"),
    Export("a blank id", {"interactions.csv": RATINGS + '"",b,3\n" ",a,3\n'},
           message="interactions.csv: column 'user_id' has 2 values that are blank .*row 3 = , row 4 = "),
    Export("ids that are bytes", {"items.parquet": rows_of(2, item_id=[b"a", b"b"])},
           message="items.parquet: column 'item_id' is binary, expected integers or strings"),
    Export("an item twice", {"items.csv": ITEMS + "a,s,Tea,3,x\n"},
           message="items.csv: column 'item_id' has 1 value .*row 2 = a"),
    # numbers
    Export("infinity", {"items.csv": priced("inf")}, message="items.csv: column 'price' has 1 value of infinity .*row 1"),
    Export("1e308", {"items.csv": priced("1e308")}, message="items.csv: column 'price' has 1 value beyond 1e.100 .*row 1"),
    Export("5e-324", {"items.csv": priced("5e-324")}, column("price"), [3.5, 5e-324]),
    Export("2^53 + 1 as a number", {"items.csv": priced("9007199254740993").replace("3.5", "3")},
           message="column 'price' has 1 integers that no floating-point number holds .*row 1 = 9007199254740993"),
    Export("uint64 that nobody names", {"items.parquet": rows_of(2, odd=pa.array([2**64 - 1, 1], pa.uint64()))},
           column("price"), [3.5, 12.0]),
    Export("a price with its currency", {"items.csv": priced("12 EUR")},
           message="items.csv: column 'price' .*1 of 2 values are not numbers, first: row 1 = '12 EUR'"),
    Export("commas between thousands", {"items.csv": priced('"1,299.50"')},
           message="items.csv: column 'price' .*row 1 = '1,299.50'"),
    Export("a hexadecimal number", {"items.csv": priced("0x10")}, message="items.csv: column 'price' .*row 1 = '0x10'"),
    Export("NA for no value", {"items.csv": priced("NA")},
           message="items.csv: column 'price' .*row 1 = 'NA'; if 'NA' is no value, give the table missing: .'NA'."),
    Export("a rating that is infinite", {"interactions.csv": RATINGS + "1,b,inf\n"},
           message="interactions.csv: column 'rating' has 1 value .*row 3 = inf"),
    Export("decimals of Parquet", {"items.parquet": rows_of(2, price=pa.array([1, 2]).cast(pa.decimal128(21, 2)))},
           column("price"), [1.0, 2.0]),
    Export("numbers as categories", {"items.csv": priced("7.50")}, column("price"), ["3.5", "7.50"],
           yaml="rating_range: [1, 5]\nfeatures:\n  - {column: price, kind: category}\n"),
    # tags
    Export("tags as JSON lists", {"items.csv": tagged('["vegan", "gift"]')}, column("tags"), [["vegan", "gift"], ["x"]]),
    Export("tags as lists of Python", {"items.csv": tagged("['vegan', 'gift']")},
           message="items.csv: column 'tags' has 1 lists of tags that are not JSON .*row 0"),
    Export("tags as lists of lists", {"items.csv": tagged('[["a"]]')}, message="items.csv: column 'tags' .*not JSON .*row 0"),
    Export("tags as JSON objects", {"items.csv": tagged('{"a": 1}')}, message="items.csv: column 'tags' .*not JSON .*row 0"),
    Export("tags in brackets", {"items.csv": tagged("[new]")}, column("tags"), ["[new]", "x"]),
    Export("a null among tags", {"items.parquet": rows_of(2, tags=[["x", None], None])},
           lambda dataset: dataset.items.column("tags").to_pylist()[1], None),
    Export("a null in JSON tags", {"items.csv": tagged('["vegan", null]')}, column("tags"), [["vegan"], ["x"]]),
    # headers and labels
    Export("a header twice", {"items.csv": items("a,s,Tea,1,2", header="item_id,seller_id,title,price,price")},
           message="items.csv: column 'price' is there 2 times"),
    Export("one label of two features", {}, message="features.yaml.*label",
           yaml=YAML.replace("kind: number", "kind: number, label: x").replace("kind: tags", "kind: tags, label: x")),
    Export("a misspelt column", {}, message="column 'prise' is missing .*Did you mean 'price'", yaml=YAML.replace("price", "prise")),
    Export("spaces in a header", {"interactions.csv": RATINGS.replace(",item_id", ", item_id")},
           message="interactions.csv: column 'item_id' is missing .*Did you mean ' item_id'"),
    Export("a header and no row", {"items.csv": items()}, message="items.csv: the table has no rows"),
    Export("an empty file", {"items.csv": b""}, message="items.csv: cannot be read"),
    Export("a row too short", {"items.csv": ITEMS + "c,s\n"}, message="items.csv: 1 row has another number of fields than the header's 5 .*row 2 = 'c,s'"),
    # encodings and dialects
    Export("latin-1 unsaid", {"items.csv": ITEMS.replace("Oil", "Öl").encode("latin-1")},
           message="items.csv: not UTF-8 .*column 'title', row 1.*encoding: cp1252"),
    Export("latin-1 in the header", {"items.csv": ITEMS.replace("title", "Öl").encode("latin-1")},
           message="items.csv: not UTF-8 .*header"),
    Export("UTF-16", {"items.csv": ITEMS.encode("utf-16")}, message="items.csv: is UTF-16, not UTF-8"),
    Export("a byte order mark", {"items.csv": ITEMS.encode("utf-8-sig")}, ids, ["a", "b"]),
    Export("semicolons and decimal commas in cp1252", {"items.csv": GERMAN.encode("cp1252")},
           lambda dataset: (column("price")(dataset), column("title")(dataset)), ([1299.5, 3.9], ["Käse", "Öl"]),
           yaml=german("cp1252")),
    Export("a first line of Excel", {"items.csv": "sep=;\r\n" + ITEMS.replace(",", ";")}, ids, ["a", "b"]),
    Export("columns without a name", {"items.csv": "".join(f"{line},,\n" for line in ITEMS.splitlines())},
           lambda dataset: dataset.items.column_names, ["item_id", "seller_id", "title", "price", "tags"]),
    Export("semicolons unsaid", {"items.csv": GERMAN}, message="items.csv: its fields seem to be separated by ';'"),
    Export("CR LF in a field on the border of a block", {"items.csv": LONG},
           lambda dataset: [title[-4:] for title in column("title")(dataset)], ["x\r\na", "x\r\nb"]),
    Export("a quote at the beginning of a TSV title", {"items.tsv": ITEMS.replace(",", "\t").replace("Tea", '"Tea')},
           column("title"), ['"Tea', "Oil"]),
    Export("a quote that is never closed", {"items.csv": ITEMS.replace("Tea", '"Tea')},
           message="items.csv: 1 row has .*row 0 = .*A quote seems never to be closed"),
    Export("escape sequences of a terminal", {"items.csv": ITEMS.replace("Tea", "\x1b]0;x\x07Tea")},
           column("title"), ["\x1b]0;x\x07Tea", "Oil"]),
    Export("a dump of MySQL", {"items.csv": ITEMS.replace("3.5", "\\N").replace("Oil", '"O\\"il"')},
           lambda dataset: (column("price")(dataset), column("title")(dataset)), ([None, 12.0], ["Tea", 'O"il']),
           yaml=YAML + 'tables: {items: {escape: "\\\\", missing: ["N"]}}\n'),
    # packed
    Export("zip", {"items.csv.zip": zipped(items=ITEMS)}, ids, ["a", "b"]),
    Export("zip of two files", {"items.csv.zip": zipped(items=ITEMS, more=ITEMS)}, message="items.csv.zip: .*2 files"),
    Export("bzip2", {"items.csv.bz2": bz2.compress(ITEMS.encode())}, ids, ["a", "b"]),
    Export("a damaged gzip", {"items.csv.gz": gzip.compress(ITEMS.encode())[:-9]}, message="items.csv.gz: cannot be read"),
    Export("a damaged Parquet file", {"items.parquet": b"PAR1 no PAR1"}, message="items.parquet: cannot be read"),
    # without ratings, and repeats
    Export("gzip without its suffix", {"items.csv": gzip.compress(ITEMS.encode())}, message="items.csv: is packed by gzip"),
    Export("bytes that are no text", {"items.csv": ITEMS.encode() + b"\xff,x\n"}, message="items.csv: 1 row has .*row 2"),
    Export("no ratings", {"interactions.csv": ONES}, value=[[1, 0], [1, 1]], yaml=RULES),
    Export("things bought twice", {"interactions.csv": ONES + "1,a\n"}, value=[[1, 0], [1, 1]], yaml=RULES),
    Export("things bought twice, counted", {"interactions.csv": ONES + "1,a\n"}, value=[[2, 0], [1, 1]],
           yaml=RULES + "tables: {interactions: {duplicates: count}}\n"),
    Export("counts", {"interactions.csv": "user_id,item_id,weight\n1,a,2\n1,a,3\n2,b,0.5\n"}, value=[[5, 0], [0, 0.5]],
           yaml=RULES),
    Export("a negative count", {"interactions.csv": "user_id,item_id,weight\n1,a,-2\n"}, yaml=RULES,
           message="interactions.csv: column 'weight' has 1 value .*row 0 = -2"),
    Export("a rating twice", {"interactions.csv": RATINGS + "1,a,5\n"}, message="interactions.csv: .*row 3"),
    Export("a rating off the scale", {"interactions.csv": RATINGS + "1,b,6\n"},
           message="interactions.csv: column 'rating' has 1 value outside .*row 3 = 6"),
    # folders
    Export("a folder of Spark", {"interactions.parquet/_SUCCESS": b"", "interactions.parquet/part-0.snappy.parquet": TWO},
           value=[[4, 0], [0, 5]]),
    Export("a folder without a suffix", {"interactions/part-0.csv": RATINGS}, value=[[4, 0], [1, 5]]),
    Export("partitions with columns that come and go", {
           "interactions/year=2026/month=01/part-0.parquet": ratings(user_id=[1], item_id=["a"], rating=[4]),
           "interactions/year=2026/month=02/part-0.parquet": ratings(user_id=[2], item_id=["b"], rating=[4.5], more=["x"]),
           }, value=[[4, 0], [0, 4.5]]),
    Export("a partition as a feature", {f"items/month={month}/p.parquet": rows_of(1, item_id=[name])
           for month, name in (("01", "a"), ("__HIVE_DEFAULT_PARTITION__", "b"))}, column("month"), ["01", None],
           yaml=YAML + "  - {column: month, kind: category}\n"),
    Export("part files of two types", {"interactions/0.parquet": TWO, "interactions/1.parquet":
           ratings(user_id=["x"], item_id=["a"], rating=[1])}, message="interactions: its part files differ .*user_id"),
    Export("part files of two kinds", {"interactions/0.parquet": TWO, "interactions/1.csv": RATINGS},
           message="interactions: is a folder with 1.csv in it, expected part files of one kind"),
    Export("Delta", delta(TWO), value=[[4, 0], [0, 5]]),
    Export("Delta with a deletion vector", delta(TWO, without=[0]), value=[[0, 5]]),
    Export("Delta with a new column", delta(TWO, ratings(user_id=[3], item_id=["a"], rating=[1.0], new=["x"])),
           value=[[4, 0], [0, 5], [1, 0]]),
    Export("a damaged Delta log", {"interactions/_delta_log/00000000000000000000.json": "no"},
           message="interactions: the Delta table cannot be read"),
    # other formats
    Export("JSON lines", {"interactions.jsonl": lines({"user_id": "1", "item_id": "a", "rating": 4, "x": {"y": 1}})},
           value=[[4, 0]]),
    Export("JSON lines of two types", {"interactions.jsonl": lines({"user_id": 1, "item_id": "a", "rating": 4},
           {"user_id": 2, "item_id": "b", "rating": "good"})}, message="interactions.jsonl: .*rating.*row 1"),
    Export("RecBole", {"ml.inter": TYPED, "ml.item": TYPED_ITEMS},
           lambda dataset: (ids(dataset), column("class")(dataset), column("year")(dataset)),
           (["034", "7"], ["Animation Comedy", "Action"], ["1995", "1996"]), yaml=RECBOLE),
    Export("RecBole without types", {"ml.inter": TYPED.replace(":token", "", 1), "ml.item": TYPED_ITEMS}, yaml=RECBOLE,
           message="ml.inter: column 'user_id' has no type in the header"),
    Export("MovieLens latest", {"ratings.csv": FILMS, "movies.csv": MOVIES}, data="movielens-latest",
           read=lambda dataset: (dataset.ratings.toarray().tolist(), column("genres")(dataset)),
           value=([[0.5, 0], [3.5, 5]], ["Adventure|Animation", None])),
    Export("MovieLens latest, another header", {"ratings.csv": FILMS.replace("movieId", "m"), "movies.csv": MOVIES},
           data="movielens-25m", message="ratings.csv: begins with 'userId,m,rating,timestamp', expected"),
    Export("MovieLens latest, a bad row", {"ratings.csv": FILMS + "3,1,9,5\n", "movies.csv": MOVIES},
           data="movielens-32m", message="ratings.csv: column 'rating' has 1 value outside .*row 3 = 9"),
    Export("Amazon Reviews 2023", {"Tea.jsonl": REVIEWS, "meta_Tea.jsonl": PRODUCTS}, data="amazon-2023",
           read=lambda dataset: (dataset.ratings.toarray().tolist(), column("price")(dataset), column("seller_id")(dataset)),
           value=([[2, 0], [0, 5]], [3.5, None], ["Leaf", "B2"])),
    Export("Amazon Reviews 2023, packed", {"Tea.jsonl.gz": gzip.compress(REVIEWS.encode()),
           "meta_Tea.jsonl.gz": gzip.compress(PRODUCTS.encode())}, data="amazon-2023", value=[[2, 0], [0, 5]]),
    Export("Amazon Reviews 2023, a broken line", {"Tea.jsonl": REVIEWS, "meta_Tea.jsonl": PRODUCTS + '{"parent_asin": "B'},
           data="amazon-2023", message="meta_Tea.jsonl: row 2 is not JSON"),
    Export("Amazon Reviews 2023, a rating in words", {"Tea.jsonl": REVIEWS.replace("4.0", '"four"'),
           "meta_Tea.jsonl": PRODUCTS}, data="amazon-2023", message="Tea.jsonl: cannot be read .*rating.*row 0"),
    Export("Book-Crossing", OF_BOOKS | {"BX-Book-Ratings.csv": RATED_BOOKS}, data="book-crossing",
           read=lambda dataset: (ids(dataset), column("title")(dataset), dataset.users.column("Age").to_pylist()),
           value=(["0155061224", "034545104X"], ["Règles", 'Flesh; "Tones"'], [None, 30])),
    Export("Book-Crossing, an implicit rating", OF_BOOKS | {"BX-Book-Ratings.csv": RATED_BOOKS.replace('"10"', '"0"')},
           data="book-crossing", message="column 'Book-Rating' .rating. has 1 value outside .*row 1 = 0"),
]  # fmt: skip
