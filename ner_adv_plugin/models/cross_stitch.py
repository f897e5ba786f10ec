"""Cross-stitch network."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.combining import CombiningModel, InnerTower
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_graph import ENCODER
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.loss_weighting import LazyLossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import CrossStitch, LazyTower


@Model.register("cross_stitch")
class CrossStitchNetwork(CombiningModel):
    """Cross-stitch network: each task's towers read a linear combination of all tasks' towers.

    Misra et al. 2016, "Cross-stitch Networks for Multi-task Learning", eq. 1, for any number of
    tasks: after each layer task k continues with the sum over tasks j of alpha_kj x_j, with the
    states x_j of the tasks' towers and learned alpha, one for each pair of tasks and each layer.

    The towers are "weibo_1" (task, layer) and the combinations "weibo_1_stitched" (task, layer)
    and, after the last layer, "weibo". The towers of all tasks run over the sentences of all tasks.
    The paper trains alpha with 100 to 1,000 times the rate of other parameters: use a parameter
    group for `alpha$`.

    Registered as "cross_stitch".

    # Parameters

    vocab : supplied; the run's vocabulary.
    encoder : the encoder, shared by all tasks.
    num_layers : number of layers: towers of a task, each with a cross-stitch unit above it.
    same : initial weight of a task's own states, 0 to 1; those of the other tasks share 1 - `same`
        equally.
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by name: "weibo_1" and so on, and additional ones.
    inputs : for each additional tower that does not read the encoder alone, what it reads:
        "encoder" and names of towers.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; none by default.
    loss_weighting : weighting of the task losses; "fixed" by default.
    only_heads : supplied in prediction; build only these heads.

    # Raises

    ConfigurationError : there is one task only, `same` is out of range, the towers of a layer
        differ in size, `towers` or `inputs` names a combination, or a head has the name of another
        tower.

    # Example

    ```jsonnet
    { type: 'cross_stitch',
      encoder: { type: 'character_embedding' },
      num_layers: 2, same: 0.9,
      tower: { type: 'lstm', hidden_size: 64, bidirectional: true } }
    ```
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        num_layers: int = 1,
        same: float = 0.9,
        tower: LazyTower | None = None,
        towers: dict[str, LazyTower] | None = None,
        inputs: dict[str, list[str]] | None = None,
        head: LazyHead | None = None,
        heads: dict[str, LazyHead] | None = None,
        objectives: list[LazyObjective] | None = None,
        loss_weighting: LazyLossWeighting | None = None,
        only_heads: Sequence[str] | None = None,
    ) -> None:
        super().__init__(
            vocab,
            encoder,
            {"num_layers": num_layers, "same": same},
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
    def inner_towers(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> list[InnerTower]:
        """See `CombiningModel.inner_towers`."""
        last, same = settings["num_layers"], settings["same"]
        if not 0 <= same <= 1:
            raise ConfigurationError(f"expected a number from 0 to 1, found {same}", "model.same")
        if len(heads) < 2:
            raise ConfigurationError(
                f"expected two tasks or more to combine, found {', '.join(heads) or 'none'}; use"
                " crf_tagger for one task",
                "model.type",
            )

        below = dict.fromkeys(heads, ENCODER)
        inner = []
        for layer in range(1, last + 1):
            towers = [f"{head}_{layer}" for head in heads]
            inner += [
                InnerTower(tower, [below[head]]) for head, tower in zip(heads, towers, strict=True)
            ]
            below = {head: head if layer == last else f"{head}_{layer}_stitched" for head in heads}
            inner += [
                InnerTower(below[head], towers, partial(CrossStitch, own=own, same=same))
                for own, head in enumerate(heads)
            ]
        return inner
