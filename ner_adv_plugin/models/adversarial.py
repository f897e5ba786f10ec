"""Shared and private towers, the shared one blind to domains."""

from collections.abc import Sequence

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.schema import Lazy
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.objectives import DomainAdversarial, LazyObjective, Objective
from ner_adv_plugin.modules.towers import LazyTower

SHARED = "shared"


@Model.register("adversarial")
class Adversarial(SharingModel):
    """Every head reads a shared tower and its own; a discriminator of domains reads the shared one through a
    gradient reversal (Liu et al. 2017; Cao et al. 2018).

    Registered as "adversarial".

    # Parameters

    vocab : supplied.
    encoder : shared by all.
    tower, towers : every tower, and single ones by name: "shared" or that of a head.
    head, heads : every head, and single ones by name.
    objectives : losses beside the heads'; "domain_adversarial" on the shared tower by default.
    only_heads : supplied in prediction.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        tower: LazyTower | None = None,
        towers: dict[str, LazyTower] | None = None,
        head: LazyHead | None = None,
        heads: dict[str, LazyHead] | None = None,
        objectives: list[LazyObjective] | None = None,
        only_heads: Sequence[str] | None = None,
    ) -> None:
        if SHARED in vocab.heads:
            raise ConfigurationError(
                f'a head is named "{SHARED}", as the shared tower is: choose another',
                "dataset_reader.readers",
                absolute=True,
            )
        preset = {name: [SHARED, name] for name in vocab.heads}
        if objectives is None:
            objectives = [_default_objective()]
        super().__init__(vocab, encoder, preset, tower, towers, head, heads, objectives, only_heads)


def _default_objective() -> Lazy[Objective]:
    filled = {"type": "domain_adversarial", "reads": [SHARED]}
    return Lazy(lambda supplied: DomainAdversarial(**supplied), filled, "model.objectives.0")
