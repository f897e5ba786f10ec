"""Base classes for tests of models."""

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ner_adv_plugin.components  # noqa: F401
from ner_adv_plugin.archives.archive import Archive, load_archive, target_head
from ner_adv_plugin.archives.writing import ARCHIVE, BEST
from ner_adv_plugin.common.overrides import with_overrides
from ner_adv_plugin.common.params import load_config, parse_overrides
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.inference.predictions import Predictions, predict_dataset
from ner_adv_plugin.models import Model
from ner_adv_plugin.runs.config_checks import checked_job
from ner_adv_plugin.runs.data import RunData, collect_vocabulary, evaluator_of, read_data
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.runs.train_job import train_model
from ner_adv_plugin.training.checkpoints.random_state import seed_everything

ONE_EPOCH = {"trainer.num_epochs": 1, "trainer.cuda_device": -1}


class ModelTestCase:
    """Base class of tests that any model should pass, for the head of `trainer.validation_metric`.

    Derive a test class from it. Use a config with little data and a small model, as it is trained.
    `set_up_model` sets these attributes, for further checks:

    - `config`, and `job`, the objects that it describes;
    - `data`, with instances by split and dataset in `data.splits`;
    - `model`, in evaluation mode;
    - `sentences`, the encoded training sentences by dataset;
    - `batches`, the batches of the first epoch.

    # Examples

    >>> class TestCrfTagger(ModelTestCase):
    ...     def test_predictions_are_consistent(self):
    ...         self.set_up_model("fixtures/configs/crf_tagger.jsonnet")
    ...         self.ensure_batch_predictions_are_consistent()
    >>> TestCrfTagger().test_predictions_are_consistent()
    """

    config: dict[str, Any]
    job: TrainJob
    data: RunData
    model: Model
    sentences: dict[str, EncodedDataset]
    batches: list[Batch]

    def set_up_model(self, param_file: str | Path | Mapping[str, Any], overrides: str = "") -> None:
        """Read the data and build the model of a config, for a run of one epoch on the CPU.

        # Parameters

        param_file : a Jsonnet file or a config.
        overrides : Jsonnet text that overrides values of the config.

        # Raises

        ConfigurationError : if the config is wrong.
        """
        config = dict(param_file) if isinstance(param_file, Mapping) else load_config(param_file)
        self.config = with_overrides(config, {**parse_overrides(overrides), **ONE_EPOCH})
        self.job = checked_job(self.config)

        seed_everything(self.job.random_seed, self.job.numpy_seed, self.job.pytorch_seed)
        self.data = read_data(self.job)
        self.model = self.job.model.construct(vocab=collect_vocabulary(self.job, self.data)).eval()

        self.sentences = self.data.encoded("train", self.model)
        loader = self.job.data_loader
        loader.set_sentences(self.sentences, self.job.random_seed or 0)
        for dataset in self.sentences.values():
            dataset.targets = self.model.targets(dataset)
        loader.set_targets(self.model.targets)
        self.batches = [batch for planned in loader.plan(0) for batch in loader.batches([planned])]
        # Not those of an epoch, but those of evaluation.
        for dataset in self.sentences.values():
            dataset.targets = self.model.targets(dataset)

    @property
    def heads(self) -> list[str]:
        """The heads whose predictions are checked."""
        return [target_head(self.config, self.model.vocab.heads)]

    def ensure_model_can_train_save_and_load(
        self, tolerance: float = 1e-6, gradients_to_ignore: Collection[str] = ()
    ) -> None:
        """Train for one epoch, load the archive, and check that it holds the trained model.

        The loaded model must have the trained weights, predict the same spans with the same losses
        in all training sentences, and reach the validation scores that training reported.
        Afterwards `self.model` has the trained weights.

        # Parameters

        tolerance : the largest relative or absolute difference of weights, losses and scores.
        gradients_to_ignore : see `ensure_gradients_reach_parameters`.
        """
        self.ensure_gradients_reach_parameters(gradients_to_ignore)

        with tempfile.TemporaryDirectory() as folder:
            metrics = train_model(self.config, Path(folder))
            self.model.load_weights(torch.load(Path(folder) / BEST, weights_only=True))
            archive = load_archive(Path(folder) / ARCHIVE)
            torch.testing.assert_close(
                archive.model.state_dict(), self.model.state_dict(), rtol=tolerance, atol=tolerance
            )
            self._check_predictions(archive.model, self.heads, tolerance)
            self._check_scores(archive.model, metrics, tolerance)
            self._check_archive(Path(folder) / ARCHIVE, archive, tolerance)

    def ensure_gradients_reach_parameters(self, gradients_to_ignore: Collection[str] = ()) -> None:
        """Check that every trainable parameter has a gradient.

        The gradient must be finite in every batch of the first epoch, and not zero in at least one.

        # Parameters

        gradients_to_ignore : names of parameters that may have no gradient.
        """
        trainable = {name for name, p in self.model.named_parameters() if p.requires_grad}
        missing = trainable - set(gradients_to_ignore)

        self.model.train()
        for number, batch in enumerate(self.batches):
            self.model.zero_grad()
            # Halfway through training, as schedules may start at 0.
            output = self.model(batch, 0.5)
            if "loss" not in output:
                continue
            output["loss"].backward()
            gradients = {
                name: p.grad for name, p in self.model.named_parameters() if p.grad is not None
            }
            infinite = sorted(
                name for name, gradient in gradients.items() if not gradient.isfinite().all()
            )
            assert not infinite, (
                f"batch {number}: gradients that are not finite: {', '.join(infinite)}"
            )
            missing -= {name for name, gradient in gradients.items() if gradient.any()}
        self.model.zero_grad()
        self.model.eval()

        assert not missing, (
            f"no batch gives these parameters a gradient: {', '.join(sorted(missing))}"
        )

    def ensure_batch_predictions_are_consistent(self, tolerance: float = 1e-5) -> None:
        """Check that predictions for a sentence do not depend on the other sentences of the batch.

        # Parameters

        tolerance : the largest difference of losses per character.
        """
        for head in self.heads:
            for name, sentences in self.sentences.items():
                batched = predict_dataset(self.model, sentences, head, 64)
                single = predict_dataset(self.model, sentences, head, 1)
                compared = f"head {head}, sentences of {name}, alone and in a batch"
                _check_same(single, batched, compared, tolerance)

    def _check_predictions(self, loaded: Model, heads: Collection[str], tolerance: float) -> None:
        for head in heads:
            for name, sentences in self.data.encoded("train", loaded).items():
                sentences.targets = loaded.targets(sentences)
                before = predict_dataset(self.model, self.sentences[name], head)
                after = predict_dataset(loaded, sentences, head)
                compared = f"head {head}, sentences of {name}, loaded and as trained"
                _check_same(after, before, compared, tolerance)

    def _check_scores(self, loaded: Model, metrics: Mapping[str, Any], tolerance: float) -> None:
        if "validation" not in self.data.splits:
            return

        evaluator = evaluator_of(self.job, loaded, self.data, "validation")
        for name, score in evaluator.evaluate(loaded).items():
            reported = metrics[f"best_validation_{name}"]
            close = np.isclose(score, reported, rtol=tolerance, atol=tolerance, equal_nan=True)
            assert close, f"{name}: {score} of the loaded model, {reported} in training"

    def _check_archive(self, path: Path, whole: Archive, tolerance: float) -> None:
        """Run further checks of a subclass while the archive exists."""


class MultiTaskModelTestCase(ModelTestCase):
    """Base class of tests that a model with several tasks should pass.

    All checks of `ModelTestCase` are made for every head. In addition, a model loaded with
    `only_heads` must predict the same as the whole model.
    """

    @property
    def heads(self) -> list[str]:
        """The names of all heads."""
        return self.model.vocab.heads

    def _check_archive(self, path: Path, whole: Archive, tolerance: float) -> None:
        names = set(whole.model.state_dict())
        for head in self.heads:
            part = load_archive(path, only_heads=[head]).model
            additional = sorted(set(part.state_dict()) - names)
            assert not additional, (
                f"only_heads [{head}] has weights that the whole model lacks: "
                f"{', '.join(additional)}"
            )
            self._check_predictions(part, [head], tolerance)


def _check_same(
    actual: Predictions, expected: Predictions, compared: str, tolerance: float
) -> None:
    differ = sum(one != other for one, other in zip(actual.spans, expected.spans, strict=True))
    total = len(expected.spans)
    assert not differ, f"{compared}: the spans of {differ} of {total} sentences differ"

    if actual.spans.scores_S is not None and expected.spans.scores_S is not None:
        np.testing.assert_allclose(
            actual.spans.scores_S,
            expected.spans.scores_S,
            rtol=10 * tolerance,
            atol=10 * tolerance,
            err_msg=compared,
        )
    if actual.loss is not None and expected.loss is not None:
        np.testing.assert_allclose(
            actual.loss, expected.loss, rtol=tolerance, atol=tolerance, err_msg=compared
        )
