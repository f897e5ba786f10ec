"""Progressive layered extraction."""

from collections.abc import Mapping, Sequence
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
from ner_adv_plugin.modules.towers import GatedMixture, LazyTower

SHARED = "shared"


@Model.register("ple")
class ProgressiveLayeredExtraction(CombiningModel):
    """Progressive layered extraction: experts of each task beside shared ones, in levels.

    Tang et al. 2020, "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning (MTL) Model
    for Personalized Recommendations", section 4. At level j, task k mixes the states of
    its own and the shared experts, S_kj, with one gate for each character:
    g_kj = softmax(W_kj g_k,j-1) S_kj; g_k0 is the state of the encoder. The shared mixture g_sj,
    missing at the last level, is over the experts of all tasks. Experts of level j read the mixture
    of their task, or the shared one, of level j - 1. The head of a task reads its last mixture.
    With one level this is the paper's customized gate control (CGC).

    The towers are the experts "weibo_1_1" (task or "shared", level, number) and the mixtures
    "weibo_1" (task or "shared", level) and, at the last level, "weibo". At all levels but the last
    the experts of every task run over the sentences of all tasks.

    Registered as "ple".

    # Parameters

    vocab : supplied; the run's vocabulary.
    encoder : the encoder, shared by all tasks.
    num_levels : number of levels; 1 for CGC.
    num_experts : number of a task's own experts at each level.
    num_shared_experts : number of shared experts at each level.
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by name: experts, and additional ones.
    inputs : for each additional tower that does not read the encoder alone, what it reads:
        "encoder" and names of towers.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; none by default.
    loss_weighting : weighting of the task losses; "fixed" by default.
    only_heads : supplied in prediction; build only these heads.

    # Raises

    ConfigurationError : the experts of a level differ in size, `towers` or `inputs` names a
        mixture, or a head has the name "shared" or that of another tower.

    # Example

    ```jsonnet
    { type: 'ple',
      encoder: { type: 'character_embedding' },
      num_levels: 2, num_experts: 1, num_shared_experts: 1,
      tower: { type: 'lstm', hidden_size: 64, bidirectional: true } }
    ```
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        num_levels: int = 2,
        num_experts: int = 1,
        num_shared_experts: int = 1,
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
            {
                "num_levels": num_levels,
                "num_experts": num_experts,
                "num_shared_experts": num_shared_experts,
            },
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
        if SHARED in heads:
            raise ConfigurationError(
                f'a head cannot be named "{SHARED}", the name of the shared experts: choose'
                " another",
                "dataset_reader.readers",
                absolute=True,
            )

        last = settings["num_levels"]
        below = dict.fromkeys([*heads, SHARED], ENCODER)
        towers = []
        for level in range(1, last + 1):
            experts = _experts(heads, level, settings)
            for owner, names in experts.items():
                towers += [InnerTower(name, [below[owner]]) for name in names]

            own = {head: [*experts[head], *experts[SHARED]] for head in heads}
            if level < last:
                own[SHARED] = [name for names in experts.values() for name in names]
            mixtures = {owner: owner if level == last else f"{owner}_{level}" for owner in own}
            for owner, names in own.items():
                towers.append(InnerTower(mixtures[owner], [below[owner], *names], GatedMixture))
            below = mixtures
        return towers


def _experts(heads: Sequence[str], level: int, settings: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the names of the experts of a level, by task, then of the shared ones."""
    counts = {
        **dict.fromkeys(heads, settings["num_experts"]),
        SHARED: settings["num_shared_experts"],
    }
    return {
        owner: [f"{owner}_{level}_{number}" for number in range(1, count + 1)]
        for owner, count in counts.items()
    }
