"""The job from Python: train, load corpora, predict, evaluate.

Components and plugins are imported with this package, as by the command line.
"""

from ner_adv_plugin.api.corpora import Corpus, load_corpus
from ner_adv_plugin.api.scoring import Scores, evaluate
from ner_adv_plugin.api.training import TrainResult, train
from ner_adv_plugin.commands.plugins import import_components
from ner_adv_plugin.inference import Predictor

__all__ = [
    "Corpus",
    "Predictor",
    "Scores",
    "TrainResult",
    "evaluate",
    "load_corpus",
    "train",
]

# Last, as a plugin may import this package.
import_components([])
