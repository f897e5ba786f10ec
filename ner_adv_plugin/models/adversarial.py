"""Shared-private architecture with adversarial training."""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.models.hard_sharing import HardSharing
from ner_adv_plugin.models.model import Model

SHARED = "shared"


@Model.register("adversarial")
class Adversarial(HardSharing):
    """Shared-private architecture: each head reads a shared tower and its own tower.

    A domain discriminator reads the shared tower through a gradient reversal (Liu et al. 2017; Cao
    et al. 2018).

    Registered as "adversarial".

    # Parameters

    vocab : supplied; the run's vocabulary.
    encoder : the encoder, shared by all tasks.
    tower : config of every tower that is not in `towers`; a bidirectional LSTM with 128 units per
        direction by default.
    towers : towers by name, "shared" or the name of a head.
    inputs : for each tower that does not read the encoder alone, what it reads: "encoder" and names
        of towers.
    head : config of every head that is not in `heads`; "crf" by default.
    heads : heads by name.
    objectives : auxiliary losses; "domain_adversarial" on the shared tower by default.
    loss_weighting : weighting of the task losses; "fixed" by default.
    only_heads : supplied in prediction; build only these heads.

    # Raises

    ConfigurationError : a head is named "shared".

    # Example

    ```jsonnet
    { type: 'adversarial',
      encoder: { type: 'pretrained_transformer', model_name: 'bert-base-chinese' },
      head: { type: 'crf', scheme: 'BIOES' },
      objectives: [{ type: 'domain_adversarial', weight: 0.06, reversal: 'dann' }] }
    ```
    """

    default_objectives = ({"type": "domain_adversarial", "reads": [SHARED]},)

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `PlannedModel.preset`."""
        if SHARED in heads:
            raise ConfigurationError(
                f'a head cannot be named "{SHARED}", the name of the shared tower: choose another',
                "dataset_reader.readers",
                absolute=True,
            )
        return {name: [SHARED, name] for name in heads}
