"""Shared and private towers, the shared one blind to domains."""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.models.hard_sharing import HardSharing
from ner_adv_plugin.models.model import Model

SHARED = "shared"


@Model.register("adversarial")
class Adversarial(HardSharing):
    """Every head reads a shared tower and its own; a discriminator of domains reads the shared one through a
    gradient reversal (Liu et al. 2017; Cao et al. 2018).

    Registered as "adversarial".

    # Parameters

    vocab : supplied.
    encoder : shared by all.
    tower, towers : every tower, and single ones by name: "shared" or that of a head.
    inputs : for towers that do not read the encoder alone, what they read: "encoder", and other towers.
    head, heads : every head, and single ones by name.
    objectives : losses beside the heads'; "domain_adversarial" on the shared tower by default.
    loss_weighting : how much every head's loss counts; "fixed" by default.
    only_heads : supplied in prediction.
    """

    default_objectives = ({"type": "domain_adversarial", "reads": [SHARED]},)

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `SharingModel.preset`."""
        if SHARED in heads:
            raise ConfigurationError(
                f'a head is named "{SHARED}", as the shared tower is: choose another',
                "dataset_reader.readers",
                absolute=True,
            )
        return {name: [SHARED, name] for name in heads}
