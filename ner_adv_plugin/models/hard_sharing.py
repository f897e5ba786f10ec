"""Hard parameter sharing."""

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
    """Hard parameter sharing: tasks share the encoder, each has its own tower (Caruana 1997).

    Registered as "hard_sharing".

    # Parameters

    vocab : supplied; the run's vocabulary.
    encoder : the encoder, shared by all tasks.
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by the name of their head.
    inputs : for each tower that does not read the encoder alone, what it reads: "encoder" and names
        of towers.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; none by default.
    loss_weighting : weighting of the task losses; "fixed" by default.
    only_heads : supplied in prediction; build only these heads.

    # Example

    ```jsonnet
    { type: 'hard_sharing',
      encoder: { type: 'character_embedding', embedding_dim: 100 },
      tower: { type: 'lstm', hidden_size: 128, bidirectional: true },
      heads: { weibo: { type: 'crf' }, msra: { type: 'crf', weight: 0.5 } } }
    ```
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
            tower=tower,
            towers=towers,
            inputs=inputs,
            head=head,
            heads=heads,
            objectives=objectives,
            loss_weighting=loss_weighting,
            only_heads=only_heads,
        )

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `PlannedModel.preset`."""
        return {name: [name] for name in heads}
