"""What recourse makes of all its rows before they are committed: promises weighed, and the figures of the night."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from jobs.overnight import FIGURES, drift_of
from jobs.recourse.config import RecourseConfig
from jobs.recourse.inputs import Catalogue
from jobs.recourse.together import weigh_promises
from jobs.runtime.job import BeforeCommit
from recsys_ops.datasets.groups import default_groups
from recsys_ops.drift.figures import (
    Figures,
    advice_figures,
    data_figures,
    feature_figures,
    figures_table,
    quality_figures,
)
from recsys_ops.quality import Quality


@dataclass(frozen=True)
class Known:
    """What is known of a run once it is planned; ``n_standing`` cases have earlier advice that could be kept."""

    catalogue: Catalogue
    config: RecourseConfig
    quality: Quality | None
    n_standing: int | None

    def before_commit(self, read: Callable[[str], Iterator[pa.Table]]) -> BeforeCommit:
        """The tables ``together`` and ``figures``, and for which figures the run is refused."""
        weighed = weigh_promises(self.catalogue, self.config, read) if self.config.together else BeforeCommit()
        if self.config.is_partial:
            return weighed
        figures = self._figures(read)
        drift = drift_of(self.config, figures, self.config.period.until) if self.config.fail_on == "drift" else []
        return replace(
            weighed,
            tables={**weighed.tables, FIGURES: figures_table(figures)},
            refused=[band.sentence for band in drift],
        )

    def _figures(self, read: Callable[[str], Iterator[pa.Table]]) -> Figures:
        catalogue, dataset = self.catalogue, self.catalogue.dataset
        are_parts = ":" in (self.config.groups or default_groups(dataset))
        return {
            **advice_figures(read("recourse"), self.n_standing),
            **data_figures(dataset, () if are_parts else catalogue.labels, catalogue.group_of_user),
            **quality_figures(self.quality),
            **feature_figures(catalogue.encoded),
        }
