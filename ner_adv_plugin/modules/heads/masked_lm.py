"""Masked language model as a head.

Shape suffixes: B sentences, L characters, D state size, M masked characters, V token indices.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.masking import Masking, WordMasks
from ner_adv_plugin.data.batching.targets import Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.label_spaces import LabelSpace
from ner_adv_plugin.data.labels.spans import ScoredSpan
from ner_adv_plugin.data.segmenters import CharacterSegmenter, Segmenter
from ner_adv_plugin.modules.encoders import Encoder
from ner_adv_plugin.modules.encoders.bert_config import ACTIVATIONS
from ner_adv_plugin.modules.heads.head import Head
from ner_adv_plugin.modules.products import Linear, linear
from ner_adv_plugin.modules.statistics import Statistics


class Guesses(NamedTuple):
    """Scores of all tokens at the masked characters of a batch.

    # Parameters

    logits_MV : scores.
    tokens_M : the token indices before masking.
    sentence_M : index of the sentence of each.
    """

    logits_MV: Tensor
    tokens_M: Tensor
    sentence_M: Tensor


@Head.register("masked_lm")
class MaskedLmHead(Head):
    r"""Masked language model: predict masked characters of raw text (Devlin et al. 2019).

    Words are masked as a whole (Cui et al. 2021, "Pre-training with whole word masking for Chinese
    BERT"). With the set $M$ of the masked characters of a batch, the text $x$ and the text with
    masks $\tilde{x}$, the loss is

    $$- \frac{1}{|M|} \sum_{i \in M} \log p(x_i \mid \tilde{x}), \quad
    p(\cdot) = \mathrm{softmax}(E \, \mathrm{LN}(g(W h_i + b)) + c)$$

    $E$ are the encoder's own embeddings of tokens, which are shared, $g$ is its activation. $W$,
    $b$, the normalisation and $c$ are those of the checkpoint's own language model, if it has one,
    and fresh otherwise. A masked character is replaced by the mask token with probability 0.8, by a
    random token with 0.1, and kept with 0.1; the encoder reads it in place of the character. Masks
    are drawn anew in every epoch; they depend only on the seed, the epoch, the dataset and the
    sentence. Characters that the tokenizer does not know, or splits, are not masked. Objectives see
    the masked text, too: a discriminator may tell the domain by its masks.

    Its datasets are raw text: reader "unlabelled" with the name of this head as `head`. Metrics are
    `<task>_loss` (nats per masked character), `<task>_accuracy` and, in validation,
    `<task>_perplexity`. It predicts no spans; other heads of an archive are loaded without it.

    Registered as "masked_lm".

    # Parameters

    label_space : supplied.
    input_dim : supplied; total size of the states that it reads, D.
    reads : names of the towers that it reads, or "encoder"; ["encoder"] by default.
    weight : weight of the task loss, 0 or more.
    dropout : dropout probability on the states.
    segmenter : gives the words that are masked as a whole; "characters" by default.
    probability : expected share of the characters of a sentence that are masked.
    masked, random : shares of these that are replaced by the mask token, and by a random one.

    # Example

    ```jsonnet
    { type: 'masked_lm', segmenter: 'characters', probability: 0.15 }
    ```
    """

    learns_raw_text = True
    default_reads = ("encoder",)

    def __init__(
        self,
        label_space: LabelSpace,
        input_dim: int,
        reads: list[str] | None = None,
        weight: float = 1.0,
        dropout: float = 0.0,
        segmenter: Segmenter | None = None,
        probability: float = 0.15,
        masked: float = 0.8,
        random: float = 0.1,
    ) -> None:
        super().__init__(label_space, input_dim, reads, weight, dropout)
        _check_shares(probability, masked, random)
        self.segmenter = segmenter or CharacterSegmenter()
        self._shares = (probability, masked, random)

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Head.check`: shares are from 0 to 1."""
        super().check(settings, context)
        _check_shares(*(settings[key] for key in ("probability", "masked", "random")))

    @classmethod
    def default_values(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Registrable.default_values`."""
        return {
            **super().default_values(settings),
            "reads": list(cls.default_reads),
            "segmenter": {"type": "characters"},
        }

    def attach(self, encoder: torch.nn.Module) -> None:
        """See `Head.attach`: share the embeddings of the encoder."""
        assert isinstance(encoder, Encoder)
        model = encoder.language_model()
        probability, masked, random = self._shares
        count, size = model.embedding.weight.shape
        known = min(count, encoder.alphabet.size)
        self._masking = Masking(probability, masked, random, model.mask, known, model.special)

        # In a tuple, so that the embeddings are not parameters of the head, too.
        self._embedding = (model.embedding,)
        self._activation = _activation(model.activation)
        self.dense = Linear(self.input_dim, size)
        self.norm = torch.nn.LayerNorm(size, eps=model.epsilon)
        self.bias = torch.nn.Parameter(torch.zeros(count))
        torch.nn.init.normal_(self.dense.weight, std=0.02)
        torch.nn.init.zeros_(self.dense.bias)
        own = dict(self.named_parameters())
        if all(own[name].shape == value.shape for name, value in model.weights.items()):
            self.load_state_dict(model.weights, strict=False)

    def inputs(self, batch: Batch) -> Tensor:
        """See `Head.inputs`: the characters with masks."""
        masks_BL = batch.targets.get("masks")
        if masks_BL is None:
            return batch.token_ids_BL
        return torch.where(masks_BL > 0, masks_BL - 1, batch.token_ids_BL)

    def targets(self, dataset: EncodedDataset) -> Targets:
        """See `Head.targets`: the masked characters, named "masks"."""
        return {"masks": WordMasks(dataset, self.segmenter, self._masking)}

    def forward(self, states_BLD: Tensor, batch: Batch) -> Guesses:
        """Compute the scores of all tokens at the masked characters."""
        masks_BL = batch.targets.get("masks", torch.zeros_like(batch.token_ids_BL))
        sentence_M, position_M = (masks_BL > 0).nonzero(as_tuple=True)
        states_MD = states_BLD[sentence_M, position_M]
        with torch.autocast(states_MD.device.type, enabled=False):
            hidden_ME = self.dense(self.dropout(states_MD.to(self.dense.weight.dtype)))
            hidden_ME = self.norm(self._activation(hidden_ME))
            logits_MV = linear(hidden_ME, self._embedding[0].weight, self.bias)
        return Guesses(logits_MV, batch.token_ids_BL[sentence_M, position_M], sentence_M)

    def loss(self, output: Guesses, batch: Batch) -> Tensor:
        """See `Head.loss`: summed over the masked characters."""
        loss_M = cross_entropy(output.logits_MV.float(), output.tokens_M, reduction="none")
        return loss_M.new_zeros(len(batch)).index_add(0, output.sentence_M, loss_M)

    def task_loss(self, loss_B: Tensor, batch: Batch) -> Tensor:
        """See `Head.task_loss`: normalised by the masked characters of the global batch."""
        total = batch.units.get(batch.owner, 0)
        return (loss_B * batch.weights_B).sum() / max(total, 1)

    def statistics(self, output: Guesses, loss_B: Tensor, batch: Batch) -> Statistics:
        """See `Head.statistics`: loss and accuracy of the masked characters."""
        correct = (output.logits_MV.detach().argmax(-1) == output.tokens_M).sum()
        count = len(output.tokens_M)
        return {"loss": (loss_B.sum(), count), "accuracy": (correct, count)}

    def decode_spans(
        self, output: Guesses, batch: Batch, scored: bool = True
    ) -> list[list[ScoredSpan]]:
        """See `Head.decode_spans`: none."""
        return [[] for _ in range(len(batch))]


def _activation(name: str) -> Any:
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]

    from transformers.activations import ACT2FN

    return ACT2FN[name]


def _check_shares(probability: float, masked: float, random: float) -> None:
    if not 0 < probability < 1:
        raise ConfigurationError(
            f"expected a probability above 0 and below 1, found {probability}", "probability"
        )
    for key, value in (("masked", masked), ("random", random)):
        if not 0 <= value <= 1:
            raise ConfigurationError(f"expected a share from 0 to 1, found {value}", key)
    if masked + random > 1 + 1e-9:
        raise ConfigurationError(
            f"masked and random are shares of one whole: expected a sum of at most 1, found"
            f" {masked + random}",
            "random",
        )
