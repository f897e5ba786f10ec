"""Multi-gate mixture of experts."""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.combining import CombiningModel, InnerTower
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_graph import ENCODER
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.loss_weighting import LazyLossWeighting
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import GatedMixture, LazyTower


@Model.register("mmoe")
class MultiGateMixtureOfExperts(CombiningModel):
    """Multi-gate mixture of experts: tasks share towers, and weigh them for each character.

    Ma et al. 2018, "Modeling Task Relationships in Multi-task Learning with Multi-gate
    Mixture-of-Experts", section 4.2. The head of task k reads
    f_k = sum over i of softmax(W_k x)_i f_i, with the encoder's state x of the character and the
    states f_i of the experts: the towers "expert_1", "expert_2" and so on, which run over the
    sentences of all tasks. The paper has a further tower for each task: add one with `inputs` and
    `reads`, as in the example.

    Registered as "mmoe".

    # Parameters

    vocab : supplied; the run's vocabulary.
    encoder : the encoder, shared by all tasks.
    num_experts : number of experts.
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by name: "expert_1" and so on, and additional ones.
    inputs : for each additional tower that does not read the encoder alone, what it reads:
        "encoder" and names of towers.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; none by default.
    loss_weighting : weighting of the task losses; "fixed" by default.
    only_heads : supplied in prediction; build only these heads.

    # Raises

    ConfigurationError : the experts differ in size, `towers` or `inputs` names a mixture, or a head
        has the name of an expert.

    # Example

    ```jsonnet
    { type: 'mmoe',
      encoder: { type: 'character_embedding' },
      num_experts: 3,
      towers: { upper: { type: 'lstm', hidden_size: 64, bidirectional: true } },
      inputs: { upper: ['weibo'] },
      heads: { weibo: { type: 'crf', reads: ['upper'] }, msra: { type: 'crf' } } }
    ```
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        num_experts: int = 4,
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
            {"num_experts": num_experts},
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
        experts = [f"expert_{number}" for number in range(1, settings["num_experts"] + 1)]
        return [
            *(InnerTower(name, [ENCODER]) for name in experts),
            *(InnerTower(head, [ENCODER, *experts], GatedMixture) for head in heads),
        ]
