"""Models: sharing architectures over one forward pass."""

from ner_adv_plugin.models.adversarial import Adversarial
from ner_adv_plugin.models.asymmetric import Asymmetric
from ner_adv_plugin.models.crf_tagger import CrfTagger
from ner_adv_plugin.models.cross_stitch import CrossStitchNetwork
from ner_adv_plugin.models.hard_sharing import HardSharing
from ner_adv_plugin.models.mmoe import MultiGateMixtureOfExperts
from ner_adv_plugin.models.model import Model
from ner_adv_plugin.models.ple import ProgressiveLayeredExtraction
from ner_adv_plugin.models.sharing_model import SharingModel

__all__ = [
    "Adversarial",
    "Asymmetric",
    "CrfTagger",
    "CrossStitchNetwork",
    "HardSharing",
    "Model",
    "MultiGateMixtureOfExperts",
    "ProgressiveLayeredExtraction",
    "SharingModel",
]
