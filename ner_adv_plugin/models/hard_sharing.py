"""A shared encoder, everything above it a task's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.loss_weighting import LazyLossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import LazyTower


@Model.register("hard_sharing")
class HardSharing(SharingModel):
    """Tasks share the encoder; every head reads a tower of its own (Caruana 1997).

    Registered as "hard_sharing".

    # Parameters

    vocab : supplied.
    encoder : shared by all.
    tower, towers : every tower, and single ones by the name of their head.
    inputs : for towers that do not read the encoder alone, what they read: "encoder", and other towers.
    head, heads : every head, and single ones by name.
    objectives : losses beside the heads'.
    loss_weighting : how much every head's loss counts; "fixed" by default.
    only_heads : supplied in prediction.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        tower: LazyTower | None = None,
        towers: dict[str, LazyTower] | None = None,
        inputs: dict[str, list[str]] | None = None,
        head: LazyHead | None = None,
        heads: dict[str, LazyHead] | None = None,
        objectives: list[LazyObjective] | None = None,
        loss_weighting: LazyLossWeighting | None = None,
        only_heads: Sequence[str] | None = None,
    ) -> None:
        preset = self.preset(vocab.heads, {})
        super().__init__(
            vocab,
            encoder,
            preset,
            tower,
            towers,
            head,
            heads,
            objectives,
            loss_weighting,
            only_heads,
            inputs,
        )

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `SharingModel.preset`."""
        return {name: [name] for name in heads}
