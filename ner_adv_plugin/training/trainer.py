"""The base of all trainers."""

from typing import Annotated, Any, TypeAlias

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.models import Model


class Trainer(Registrable):
    """Trains `model`, keeping the weights of its best epoch in `best.th`."""

    default_implementation = "gradient_descent"
    model: Model

    def train(self) -> dict[str, Any]:
        """Train to the end; the metrics of the run."""
        raise NotImplementedError


LazyTrainer: TypeAlias = Annotated[
    Lazy[Trainer], Supplied("model", "data_loader", "evaluator", "serialization_dir", "recover")
]
