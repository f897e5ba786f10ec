"""A model and sentences to weight."""

import pytest

from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.models import Model
from tests.tiny import model_and_loader
from tests.training.instance_weighting.weighted_run import config_of_run


@pytest.fixture(scope="module")
def model_and_sentences() -> tuple[Model, dict[str, EncodedDataset]]:
    model, loader = model_and_loader(config_of_run())
    return model, dict(loader.sentences())
