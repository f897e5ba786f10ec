"""Discriminator that is conditioned on the predictions of a head.

Shape suffixes: B sentences, L characters, D state size, T tags, R size of the random map, F size of
a sentence's vector.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.discriminator_losses import LazyDiscriminatorLoss
from ner_adv_plugin.modules.heads import Head, TaggingHead
from ner_adv_plugin.modules.heads.head_settings import head_settings
from ner_adv_plugin.modules.objectives.discriminator import Discriminates, Discriminator
from ner_adv_plugin.modules.objectives.objective import Objective
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.towers import TowerStates


@Objective.register("conditional_adversarial")
class ConditionalAdversarial(Discriminator):
    """Discriminate domains by states and predictions together (CDAN, Long et al. 2018).

    f is the state of a character and g the posterior of its tags under a head. The discriminator
    reads the multilinear map f g^T, averaged over the characters of a sentence: one mean state for
    each tag. The towers so align the domains tag by tag, not only as a whole. If the map has more
    than `max_size` entries, it is replaced by the randomised map (R_f f) * (R_g g) / sqrt(R), an
    elementwise product with matrices of standard normal numbers that are drawn once and fixed.
    With `entropy_weights` the loss of a sentence is multiplied by 1 + exp(-H), H the mean entropy
    of g over its characters, so that sentences with certain predictions count more (CDAN+E of
    "Conditional adversarial domain adaptation").

    g is a constant for the gradient, as in the authors' code, and computed without dropout. The
    head and the towers that it reads run over the sentences of all domains, also of those that do
    not belong to its task. It must tag characters ("crf", "softmax", "pytorch_crf").

    Registered as "conditional_adversarial".

    # Parameters

    vocab : supplied; lists the domains and tasks.
    dims : supplied; state size of each tower.
    tag_counts : supplied; number of tags of each head that tags characters.
    head : name of the head whose predictions the discriminator reads.
    reads : names of the towers whose states are concatenated; ["shared"] by default.
    weight : weight of the loss.
    discriminates : what is predicted: the "domain" of a sentence, which unlabelled sentences have
        too, or its "task".
    max_size : largest size of the multilinear map, the product of state size and number of tags;
        0 for always the randomised map.
    random_size : size of the randomised map, R.
    entropy_weights : whether sentences with certain predictions count more.
    dropout : dropout probability on the map.
    hidden_size : units of a hidden layer; null for a linear discriminator.
    loss : loss of the discriminator; "cross_entropy" by default.
    reversal : schedule of the scale of the gradient reversal; constant 1 by default.
        "gradient_share" sets the scale so that the reversed gradient is a share of the heads'.
    schedule : factor of `weight` over training; constant 1 by default.

    # Raises

    ConfigurationError : there are fewer than two domains, or tasks, to discriminate, a size is out
        of range, or the head does not exist or does not tag.

    # Example

    ```jsonnet
    { type: 'conditional_adversarial', head: 'entities', weight: 1.0, hidden_size: 128,
      entropy_weights: true, reversal: { type: 'dann' } }
    ```
    """

    random_states_DR: Tensor
    random_tags_TR: Tensor

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        tag_counts: Mapping[str, int],
        head: str,
        reads: list[str] | None = None,
        weight: float = 0.06,
        discriminates: Discriminates = "domain",
        max_size: int = 4096,
        random_size: int = 1024,
        entropy_weights: bool = False,
        dropout: float = 0.2,
        hidden_size: int | None = None,
        loss: LazyDiscriminatorLoss | None = None,
        reversal: Schedule | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(vocab, reads, weight, discriminates, loss, reversal, schedule)
        _check_sizes(max_size, random_size)
        if head not in tag_counts:
            raise _head_error(head, list(tag_counts))

        self.predictions = [head]
        self.entropy_weights = entropy_weights
        state_size, tags = sum(dims[name] for name in self.reads), tag_counts[head]
        self.randomised = state_size * tags > max_size
        size = state_size * tags
        if self.randomised:
            size = random_size
            self.register_buffer("random_states_DR", torch.randn(state_size, size))
            self.register_buffer("random_tags_TR", torch.randn(tags, size))
        self.discriminator = self.build(size, dropout, hidden_size)

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: the head exists and tags characters; sizes are in range."""
        super().check(settings, context)
        _check_sizes(settings["max_size"], settings["random_size"])
        if context.run is None:
            return

        known = [name for name in context.run.heads if _tags(context.run.config["model"], name)]
        if settings["head"] not in known:
            raise _head_error(settings["head"], known)

    def vectors(
        self, reversed_BLD: Tensor, states: Mapping[str, TowerStates], batch: Batch
    ) -> Tensor:
        """See `Discriminator.vectors`: the map, averaged over the characters of a sentence."""
        tags_BLT = states[f"heads.{self.predictions[0]}"].states_BLD.to(reversed_BLD.dtype)
        # Padding may hold any value: with NaN, a probability of 0 would still give NaN.
        reversed_BLD = reversed_BLD.masked_fill(~batch.mask_BL[..., None], 0.0)
        lengths_B1 = batch.lengths_B.clamp(min=1)[:, None]
        if not self.randomised:
            map_BDT = torch.einsum("bld,blt->bdt", reversed_BLD, tags_BLT)
            return map_BDT.flatten(1) / lengths_B1

        size = self.random_tags_TR.shape[1]
        states_BLR = reversed_BLD @ self.random_states_DR.to(reversed_BLD.dtype)
        map_BLR = states_BLR * (tags_BLT @ self.random_tags_TR.to(tags_BLT.dtype))
        return map_BLR.sum(1) / (math.sqrt(size) * lengths_B1)

    def sentence_weights(self, states: Mapping[str, TowerStates], batch: Batch) -> Tensor | None:
        """See `Discriminator.sentence_weights`: 1 + exp(-H) with `entropy_weights`."""
        if not self.entropy_weights:
            return None

        tags_BLT = states[f"heads.{self.predictions[0]}"].states_BLD.float()
        entropy_BL = -torch.xlogy(tags_BLT, tags_BLT).sum(-1).masked_fill(~batch.mask_BL, 0.0)
        return 1.0 + torch.exp(-entropy_BL.sum(1) / batch.lengths_B.clamp(min=1))


def _tags(model: Mapping[str, Any], head: str) -> bool:
    """Return whether a head of a model's config tags characters."""
    target = class_of(Head, head_settings(model, head))
    return target is not None and issubclass(target, TaggingHead)


def _head_error(head: str, known: list[str]) -> ConfigurationError:
    return ConfigurationError(
        f'no head "{head}" that tags characters.{nearest(head, known)} Heads that do:'
        f" {', '.join(known) or 'none'}.",
        "head",
    )


def _check_sizes(max_size: int, random_size: int) -> None:
    at_least(0, max_size, "max_size")
    at_least(1, random_size, "random_size")
