"""The single-task baseline."""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.towers import LazyTower


@Model.register("crf_tagger")
class CrfTagger(SharingModel):
    """One task: encoder, tower, head.

    Registered as "crf_tagger".

    # Parameters

    vocab : supplied.
    encoder : gives the states.
    tower : a bidirectional LSTM of 128 by default.
    head : "crf" by default.
    only_heads : supplied in prediction.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        tower: LazyTower | None = None,
        head: LazyHead | None = None,
        only_heads: Sequence[str] | None = None,
    ) -> None:
        preset = self.preset(vocab.heads, {})
        super().__init__(vocab, encoder, preset, tower=tower, head=head, only_heads=only_heads)

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `SharingModel.preset`."""
        if len(heads) > 1:
            raise ConfigurationError(
                f"one task, but the datasets have heads {', '.join(heads)}: hard_sharing, asymmetric and adversarial"
                " take several",
                "model.type",
            )
        return {name: [name] for name in heads}
