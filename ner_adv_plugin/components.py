"""Imports every component of this package, so that configs can name them."""

import ner_adv_plugin.data.data_loaders
import ner_adv_plugin.data.dataset_readers
import ner_adv_plugin.data.normalisers
import ner_adv_plugin.data.samplers
import ner_adv_plugin.data.schedulers
import ner_adv_plugin.models
import ner_adv_plugin.modules.encoders
import ner_adv_plugin.modules.heads
import ner_adv_plugin.modules.loss_weighting
import ner_adv_plugin.modules.objectives
import ner_adv_plugin.modules.schedules
import ner_adv_plugin.prediction
import ner_adv_plugin.training.aggregated_step
import ner_adv_plugin.training.attacks
import ner_adv_plugin.training.callbacks
import ner_adv_plugin.training.gradient_descent_trainer
import ner_adv_plugin.training.instance_weighting
import ner_adv_plugin.training.learning_rate_schedulers
import ner_adv_plugin.training.moving_average
import ner_adv_plugin.training.optimizers
import ner_adv_plugin.training.perturbed_step
import ner_adv_plugin.training.plain_step  # noqa: F401
