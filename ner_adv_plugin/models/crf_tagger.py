"""Single-task tagger."""

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
    """Single-task baseline: encoder, tower and head.

    Registered as "crf_tagger".

    # Parameters

    vocab : supplied; the run's vocabulary.
    encoder : the encoder.
    tower : the tower; a bidirectional LSTM with 128 units per direction by default.
    head : the head; "crf" by default.
    only_heads : supplied in prediction; build only these heads.

    # Raises

    ConfigurationError : the datasets have more than one head.

    # Example

    ```jsonnet
    { type: 'crf_tagger',
      encoder: { type: 'pretrained_transformer', model_name: 'bert-base-chinese' },
      tower: { type: 'lstm', hidden_size: 128, bidirectional: true },
      head: { type: 'crf', scheme: 'BIOES' } }
    ```
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
        """See `PlannedModel.preset`."""
        if len(heads) > 1:
            raise ConfigurationError(
                f"expected one task, but the datasets have heads {', '.join(heads)}; use"
                " hard_sharing, asymmetric or adversarial for several tasks",
                "model.type",
            )
        return {name: [name] for name in heads}
