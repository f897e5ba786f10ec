"""Some tasks read what others learn."""

from collections.abc import Mapping, Sequence
from typing import Any

from ner_adv_plugin.common.errors import ConfigurationError, nearest
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.encoders.encoder import LazyEncoder
from ner_adv_plugin.modules.heads import LazyHead
from ner_adv_plugin.modules.objectives import LazyObjective
from ner_adv_plugin.modules.towers import LazyTower


@Model.register("asymmetric")
class Asymmetric(SharingModel):
    """A target's head reads its own tower and those of its sources; a source's head reads only its own.

    Registered as "asymmetric".

    # Parameters

    vocab : supplied.
    encoder : shared by all.
    sources : for every target the tasks whose towers its head reads too.
    tower, towers : every tower, and single ones by the name of their head.
    head, heads : every head, and single ones by name.
    objectives : losses beside the heads'.
    only_heads : supplied in prediction.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        sources: dict[str, list[str]],
        tower: LazyTower | None = None,
        towers: dict[str, LazyTower] | None = None,
        head: LazyHead | None = None,
        heads: dict[str, LazyHead] | None = None,
        objectives: list[LazyObjective] | None = None,
        only_heads: Sequence[str] | None = None,
    ) -> None:
        preset = self.preset(vocab.heads, {"sources": sources})
        super().__init__(vocab, encoder, preset, tower, towers, head, heads, objectives, only_heads)

    @classmethod
    def preset(cls, heads: Sequence[str], settings: Mapping[str, Any]) -> dict[str, list[str]]:
        """See `SharingModel.preset`."""
        sources = settings["sources"]
        _check_sources(sources, heads)
        return {name: [name, *sources.get(name, [])] for name in heads}


def _check_sources(sources: Mapping[str, list[str]], known: Sequence[str]) -> None:
    for target, names in sources.items():
        for name in (target, *names):
            if name not in known:
                raise ConfigurationError(
                    f'no head "{name}".{nearest(name, known)} Heads: {", ".join(known)}.', f"model.sources.{target}"
                )
        if target in names or len(set(names)) < len(names):
            raise ConfigurationError(f"expected other tasks, each once, found {names}", f"model.sources.{target}")
