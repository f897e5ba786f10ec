"""Config-driven multi-task and adversarial transfer learning for Chinese NER.

The functions for Python are imported on first use; see `ner_adv_plugin.api`.
"""

from ner_adv_plugin.common.lazy import lazy_exports

# As in `typing`, which is not imported here to keep `allennlp --help` fast.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ner_adv_plugin.api import Corpus, Predictor, evaluate, load_corpus, train

__version__ = "0.2.0"

__all__ = ["Corpus", "Predictor", "__version__", "evaluate", "load_corpus", "train"]

__getattr__, __dir__ = lazy_exports(
    __name__,
    dict.fromkeys(
        ["Corpus", "Predictor", "evaluate", "load_corpus", "train"], "ner_adv_plugin.api"
    ),
)
