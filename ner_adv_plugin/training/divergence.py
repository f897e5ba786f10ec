"""Divergence: an epoch after which the mean loss is not a number."""

import logging
import math

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.training.accelerator import Precision

logger = logging.getLogger(__name__)


def has_diverged(totals: Statistics, precision: Precision, epoch: int, validated: bool) -> bool:
    """Return whether the mean loss of an epoch is not a number, and warn of it.

    In fp16 a loss may overflow now and then: such a step changes no weights.

    # Parameters

    totals : sums and counts over the training steps of the epoch.
    precision : precision of the run.
    epoch : index of the epoch.
    validated : whether epochs are validated, so that the best earlier one is kept.

    # Raises

    UserError : if no earlier epoch is known to be better, so that there are no weights to keep.
    """
    total, count = totals.get("loss", (0.0, 1))
    loss = float(total) / max(count, 1)
    if math.isfinite(loss) or precision == "fp16":
        return False

    found = f"epoch {epoch + 1}: the training loss is {loss}"
    remedy = "Lower the learning rates (`allennlp find-lr`), or set trainer.grad_norm."
    if not epoch or not validated:
        raise UserError(f"{found}. {remedy}")
    logger.warning("%s: training stops, and the best epoch is kept. %s", found, remedy)
    return True
