"""Import every component of this package, so that configs can refer to it by name."""

import ner_adv_plugin.data.batching.augmentation
import ner_adv_plugin.data.batching.loaders
import ner_adv_plugin.data.batching.samplers
import ner_adv_plugin.data.batching.schedulers
import ner_adv_plugin.data.formats
import ner_adv_plugin.data.lexicon.word_lists
import ner_adv_plugin.data.reading
import ner_adv_plugin.data.reading.normalisers
import ner_adv_plugin.data.segmenters
import ner_adv_plugin.inference
import ner_adv_plugin.models
import ner_adv_plugin.modules.encoders
import ner_adv_plugin.modules.heads
import ner_adv_plugin.modules.loss_weighting
import ner_adv_plugin.modules.objectives
import ner_adv_plugin.modules.schedules
import ner_adv_plugin.runs.initialising
import ner_adv_plugin.training.callbacks
import ner_adv_plugin.training.instance_weighting
import ner_adv_plugin.training.optimization.l2_sp
import ner_adv_plugin.training.optimization.learning_rate_schedulers
import ner_adv_plugin.training.optimization.moving_average
import ner_adv_plugin.training.optimization.optimizers
import ner_adv_plugin.training.optimization.unfreezing
import ner_adv_plugin.training.steps.aggregated
import ner_adv_plugin.training.steps.anchored
import ner_adv_plugin.training.steps.attacks
import ner_adv_plugin.training.steps.perturbed
import ner_adv_plugin.training.steps.plain
import ner_adv_plugin.training.steps.r_drop
import ner_adv_plugin.training.trainer  # noqa: F401
