"""Base class of encoders.

Shape suffixes: B sequences, L characters, P positions (characters, or subwords), D state size.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.registrable import Registrable
from ner_adv_plugin.common.schema import Lazy, Supplied
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.encoders.perturbation import Perturbation


@dataclass(frozen=True)
class LanguageModel:
    """What a masked language model needs of an encoder.

    # Parameters

    mask : token index that replaces a masked character.
    special : token indices that are no characters.
    embedding : the embeddings of tokens, which the output layer shares.
    activation : name of the activation of the hidden layer, as in transformers.
    epsilon : of the layer normalisation.
    weights : pretrained weights of its head: "dense.weight", "dense.bias", "norm.weight",
        "norm.bias" and "bias"; empty if there are none.
    """

    mask: int
    special: frozenset[int]
    embedding: torch.nn.Embedding
    activation: str = "gelu"
    epsilon: float = 1e-12
    weights: Mapping[str, Tensor] = field(default_factory=dict)


class Encoder(torch.nn.Module, Registrable):
    """Compute one state per character; called once for all sequences of a batch.

    A subclass sets `alphabet`, its character vocabulary. Its constructor may take `vocab`, which
    the model supplies.
    """

    default_implementation = "pretrained_transformer"
    # The character vocabulary: gives the token indices of its batches.
    alphabet: Alphabet
    # Number of positions computed by the last call, including padding and special tokens.
    positions: int = 0
    # Added to the embeddings of the next calls; subclasses get it from `added`.
    perturbation: Perturbation | None = None

    @classmethod
    def alphabet_of(cls, vocab: Vocabulary, settings: Mapping[str, Any]) -> Alphabet | None:
        """Build the character vocabulary of an encoder without building the encoder.

        # Parameters

        vocab : the run's vocabulary.
        settings : config of the encoder, defaults filled in.

        # Returns

        The character vocabulary, or None if it cannot be built without the encoder's weights.
        """
        return None

    def forward(self, batch: Batch) -> Tensor:
        """Encode a batch; return states, (B, L, D), undefined at padding."""
        raise NotImplementedError

    @contextlib.contextmanager
    def perturbed(self, perturbation: Perturbation) -> Iterator[None]:
        """Add a perturbation to the output of the embedding layer, in all calls inside the context.

        All these calls must be for the sequences of one batch.
        """
        self.perturbation = perturbation
        try:
            yield
        finally:
            self.perturbation = None

    def added(self, ids_BP: Tensor, size: int) -> Tensor | None:
        """Return the perturbation to add to embeddings; None outside of `perturbed`.

        # Parameters

        ids_BP : token indices of the positions.
        size : size of an embedding.

        # Returns

        (B, P, size), or None.
        """
        return None if self.perturbation is None else self.perturbation.of(ids_BP, size)

    def measure(
        self, ids_BP: Tensor, lengths: Sequence[int], embed: Callable[[Tensor], Tensor]
    ) -> None:
        """Let a perturbation measure the embeddings to which it is added, if there is one.

        # Parameters

        ids_BP : token indices of the positions.
        lengths : number of positions of each sequence.
        embed : the embedding layer.
        """
        if self.perturbation is not None and self.perturbation.norm_B11 is None:
            self.perturbation.measure(embed(ids_BP).detach(), lengths)

    def language_model(self) -> "LanguageModel":
        """Return what a masked language model over the states needs.

        # Raises

        ConfigurationError : the encoder does not allow one.
        """
        raise ConfigurationError(
            f'{type(self).__name__} has no embeddings that a head "masked_lm" could share:'
            ' expected "pretrained_transformer" or "character_embedding"',
            "model.encoder.type",
            absolute=True,
        )

    def other_entries(self, name: str, here: Vocabulary, there: Vocabulary) -> str | None:
        """Return how the rows of a parameter would differ in another run; None if they are alike.

        # Parameters

        name : of the parameter, within the encoder.
        here, there : vocabularies of this run and of the other one.
        """
        return None

    def add_words(self, path: str | Path) -> None:
        """Add the words of a user's list to the lexicon, before texts are encoded.

        # Parameters

        path : a word list or a gazetteer.

        # Raises

        UserError : the encoder has no lexicon.
        """
        raise UserError('the model has no lexicon: train it with the encoder "lexicon"')

    def get_output_dim(self) -> int:
        """Size of a state, D."""
        raise NotImplementedError

    def save_files(self, directory: Path) -> None:
        """Save the files needed to rebuild the encoder, other than weights and vocabulary."""


LazyEncoder: TypeAlias = Annotated[Lazy[Encoder], Supplied("vocab")]
