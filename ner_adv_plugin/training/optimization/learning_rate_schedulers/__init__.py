"""Learning-rate schedulers, registered under AllenNLP's names: a file for each family."""

from ner_adv_plugin.training.optimization.learning_rate_schedulers import (  # noqa: F401
    constant,
    decay,
    epochs,
    noam,
    reduce_on_plateau,
    slanted_triangular,
)
from ner_adv_plugin.training.optimization.learning_rate_schedulers.scheduler import (
    LazyScheduler,
    LearningRateScheduler,
)

__all__ = ["LazyScheduler", "LearningRateScheduler"]
