"""The base of all models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.data.labels.tag_schemes import TagScheme
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.heads import Readings


class Model(torch.nn.Module, Registrable):
    """Finds the spans of sentences, for any of its heads.

    `predict`, `encode` and `rank` must be thread-safe: they may not keep per-call state on the instance.

    # Parameters

    vocab : supplied; the run's vocabulary.
    """

    def __init__(self, vocab: Vocabulary) -> None:
        super().__init__()
        self.vocab = vocab

    @property
    def alphabet(self) -> Alphabet:
        """Gives the character indices that its batches carry."""
        raise NotImplementedError

    def forward(self, batch: Batch, progress: float = 0.0) -> dict[str, Any]:
        """The training loss of a batch.

        # Parameters

        batch : sentences with gold tags, or without.
        progress : share of training steps done, 0 to 1.

        # Returns

        `loss`, absent where nothing in the batch teaches; `losses`, those it is the sum of, by name, which only the
        "aggregated" step wants; `statistics`, sums and counts to report (`Statistics`).
        """
        raise NotImplementedError

    def targets(self, dataset: EncodedDataset, training: bool = True) -> dict[str, Targets]:
        """What the model learns from a dataset, by owner: "heads.weibo", "objectives.0".

        # Parameters

        dataset : sentences, whose `targets` these become.
        training : whether the model will learn from them, or only report its loss.

        Raises `DataError` if gold spans overlap and the head of the dataset cannot represent that.
        """
        raise NotImplementedError

    def predict(
        self, batch: Batch, head: str, scored: bool = True
    ) -> tuple[list[list[ScoredSpan]], Tensor | None]:
        """The spans of each sentence by one head, and each sentence's loss, (B,), if the batch holds its targets.

        # Parameters

        batch : sentences.
        head : its name.
        scored : whether anybody looks at scores; if not, they may be NaN.
        """
        raise NotImplementedError

    def encode(self, batch: Batch) -> Tensor:
        """The encoder's states of every sentence, (B, L, D)."""
        raise NotImplementedError

    def span_probabilities(
        self, batch: Batch, head: str, temperatures: Sequence[float]
    ) -> tuple[list[list[ScoredSpan]], NDArray[np.float64]]:
        """The spans of each sentence by one head, and their probabilities at some temperatures, (temperatures, spans).

        `UserError` if the head has no temperature.
        """
        raise NotImplementedError

    def rank(self, batch: Batch, head: str, n: int, entropy: bool = False) -> Readings:
        """The most probable readings of each sentence by one head; see `Head.rank`."""
        raise NotImplementedError

    def check_calibration(self, head: str) -> None:
        """`UserError` if a head has no temperature; called before training that is to fit one."""

    def set_temperature(self, head: str, temperature: float) -> None:
        """Set the number by which a head's scores are divided before they become probabilities."""
        raise NotImplementedError

    def check_ranking(self, head: str) -> None:
        """`UserError` if a head does not rank readings; called before `rank`."""

    def scheme(self, head: str) -> TagScheme | None:
        """The tag scheme of a head; None if it does not label characters with tags."""
        raise NotImplementedError

    def save_files(self, directory: Path) -> None:
        """Write what is needed, beside the weights and the vocabulary, to build this model again."""

    def load_weights(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights that this model has, out of a whole model's; all of its own must be there."""
        own = self.state_dict()
        self.load_state_dict({name: state[name] for name in own if name in state}, strict=True)


LazyModel: TypeAlias = Annotated[Lazy[Model], Supplied("vocab", "only_heads")]
