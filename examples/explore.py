"""The results of a night and of an explanation run, from Python: run it as a whole or cell by cell."""

# %% What is in the data, and is the recommender worth explaining?
from recsys_ops.datasets import describe, load_dataset
from recsys_ops.measurement import describe_recommender

dataset = load_dataset("synthetic:items=30,users=60,ratings_per_user=10", seed=0)
for name, value in [*describe(dataset), *describe_recommender(dataset, "ease", binary=True, seed=0)]:
    print(f"{name:<24} {value}")

# %% The night: how did its cases end, and what did it cost?
import recsys_ops

night = recsys_ops.open_run("out", job="recourse")
print(night.run_id, night.manifest["counts"], f"{night.manifest['timings']['wall_seconds']:.0f} s")

# %% The recourses that reach what was wanted, those with the greatest gain first
import pyarrow.compute as pc
import pyarrow.dataset as ds

serves = ds.field("reason").is_null() & (ds.field("n_changes") > 0) & (ds.field("option") == 0)
recourse = night.table("recourse").to_table(filter=serves)
gain = pc.subtract(recourse["success_after"], recourse["success_before"])
for row in recourse.append_column("gain", gain).sort_by([("gain", "descending")]).slice(0, 3).to_pylist():
    todo = "; ".join(change["text"] for change in row["changes"])
    print(f"{row['title']} for {row['group']}: {todo} (+{row['gain']:.0%} of the group)")

# %% How far are they from proven? A gap of 0 cannot be improved
print(
    recourse.select(["title", "n_changes", "lower_bound", "gap", "success_after", "success_bound"])
    .slice(0, 3)
    .to_pylist()
)

# %% What do single interactions hold up? The items that explanations name most
from collections import Counter

why = recsys_ops.open_run("out", job="counterfactuals").table("counterfactuals").to_table()
titles = dict(zip(dataset.items["item_id"].to_pylist(), dataset.items["title"].to_pylist(), strict=True))
named = Counter(item for removed in why["removed"].to_pylist() for item in removed or ())
print([(titles[item], times) for item, times in named.most_common(5)])

# %% One explanation without any run: the same search, from a matrix
print(recsys_ops.explain(recsys_ops.fit_ease(dataset.ratings), dataset.ratings, user=4, k=5))
