"""Catalogues as data sets: MovieLens folders, tables at any URL, a synthetic marketplace."""

from recsys_ops.datasets.dataset import Dataset, build_dataset
from recsys_ops.datasets.describe import describe
from recsys_ops.datasets.groups import group_columns, user_groups
from recsys_ops.datasets.load import load_dataset

__all__ = ["Dataset", "build_dataset", "describe", "group_columns", "load_dataset", "user_groups"]
