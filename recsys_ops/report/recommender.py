"""Which recommender a run used and how good it is, for every page of a whole run."""

from collections.abc import Mapping
from typing import Any

from recsys_ops.quality import Quality


def recommender_in_words(manifest: Mapping[str, Any]) -> list[str]:
    """Which it is, how good it is beside its baseline, and a warning where it is no better."""
    if manifest.get("quality") is None:
        model = manifest["inputs"].get("model")
        return [f"Recommender: {model} (not measured)."] if model else []
    quality = Quality.from_dict(manifest["quality"])
    lines = [f"Recommender: {quality.sentence}."]
    if not quality.is_better:
        lines.append(
            f"Warning: it is not clearly better than {quality.baseline}, so that what follows says little about the "
            "taste of users."
        )
    return lines
