"""Base class of models whose heads read combinations of towers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.building import BuildCombination
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.loss_weighting import LazyLossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import LazyTower


@dataclass(frozen=True)
class InnerTower:
    """A tower of a model, or a combination of towers.

    # Parameters

    name : its name.
    reads : "encoder" and names of towers.
    build : of a combination, what builds it from the sizes of the states that it reads.
    """

    name: str
    reads: list[str]
    build: BuildCombination | None = None


class CombiningModel(SharingModel):
    """Base class of sharing architectures in which a head reads a combination of towers.

    The combination has the name of the head. A subclass defines `inner_towers`.

    # Parameters

    settings : the keys of the subclass, for `inner_towers`.
    vocab, encoder, tower, towers, inputs, head, heads, objectives, loss_weighting, only_heads : see
        `SharingModel`.

    # Raises

    ConfigurationError : `towers` or `inputs` names a combination, or the name of a head makes two
        towers have one name.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        settings: Mapping[str, Any],
        *,
        tower: LazyTower | None,
        towers: dict[str, LazyTower] | None,
        inputs: dict[str, list[str]] | None,
        head: LazyHead | None,
        heads: dict[str, LazyHead] | None,
        objectives: list[LazyObjective] | None,
        loss_weighting: LazyLossWeighting | None,
        only_heads: Sequence[str] | None,
    ) -> None:
        settings = {**settings, "towers": towers, "inputs": inputs}
        inner = self.inner_towers(vocab.heads, settings)
        super().__init__(
            vocab,
            encoder,
            self.preset(vocab.heads, settings),
            tower=tower,
            towers=towers,
            inputs={**self.preset_inputs(vocab.heads, settings), **(inputs or {})},
            head=head,
            heads=heads,
            objectives=objectives,
            loss_weighting=loss_weighting,
            only_heads=only_heads,
            combinations={own.name: own.build for own in inner if own.build is not None},
        )

    @classmethod
    def inner_towers(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> list[InnerTower]:
        """Return the towers of the model, those that heads read included.

        # Parameters

        heads : names of the heads.
        settings : config of the model, defaults filled in.
        """
        raise NotImplementedError

    @classmethod
    def combinations(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
        """See `PlannedModel.combinations`."""
        return [own.name for own in cls.inner_towers(heads, settings) if own.build is not None]

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `PlannedModel.preset`."""
        inner = cls.inner_towers(heads, settings)
        for name, count in Counter(own.name for own in inner).items():
            if count > 1:
                raise ConfigurationError(
                    f'two towers of this model would have the name "{name}": choose other names of'
                    " heads",
                    "dataset_reader.readers",
                    absolute=True,
                )

        combinations = cls.combinations(heads, settings)
        free = [own.name for own in inner if own.build is None]
        for key in ("towers", "inputs"):
            for name in settings.get(key) or {}:
                if name in combinations:
                    raise ConfigurationError(
                        "expected another tower, as the model defines this combination of towers."
                        f" Its other towers: {', '.join(free)}.",
                        f"model.{key}.{name}",
                    )
        return {name: [name] for name in heads}

    @classmethod
    def preset_inputs(
        cls, heads: Sequence[str], settings: Mapping[str, Any]
    ) -> dict[str, list[str]]:
        """See `PlannedModel.preset_inputs`."""
        return {own.name: own.reads for own in cls.inner_towers(heads, settings)}
