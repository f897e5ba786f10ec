"""Distillation of trained models into the model that is trained.

Shape suffixes: B sentences, L characters, N characters of all sentences, R sentences of a dataset,
T tags.
"""

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.common.bounds import above, at_least
from ner_adv_plugin.common.checks import check_some
from ner_adv_plugin.common.devices import device_of
from ner_adv_plugin.common.errors import ConfigurationError, below, nearest
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.batching.targets import Counted, PerCharacter, PerSentence, Targets
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.dataset_names import check_dataset
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.teachers import Teacher, check_teacher, label_dataset, load_teacher
from ner_adv_plugin.models.sharing_graph import ENCODER
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.heads import TaggingHead
from ner_adv_plugin.modules.heads.losses import loss_per_character
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.schedules import Schedule
from ner_adv_plugin.modules.statistics import Statistics
from ner_adv_plugin.modules.towers import TowerStates

logger = logging.getLogger(__name__)


@Objective.register("distillation")
class Distillation(Objective):
    r"""Teach a head the distributions that trained models predict (Hinton et al. 2015).

    With the distribution $p_k$ of each of $K$ teachers over the tag paths of a sentence and that of
    the head, $p$, both at temperature $\tau$, the loss is

    $$- \tau^2 \sum_y q(y) \log p(y), \quad q = \frac{1}{K} \sum_k p_k$$

    It is exact: a score is a sum over tags and transitions, so the sum over paths needs only their
    expectations under $q$ (Wang et al. 2021, "Structural Knowledge Distillation: Tractably
    Distilling Information for Structured Predictor", eq. 3). With `k_best`, $p_k$ is restricted to
    the k best paths of a teacher, weighted by their probabilities (Wang et al. 2020,
    "Structure-Level Knowledge Distillation For Multilingual Sequence Labeling", eq. 8); with 1 it
    is self-training on predicted labels. The loss is normalised like that of the head, by the
    sentences whose confidence reaches `threshold`.

    Sentences are labelled before training, and again when they change, as by an augmentation: those
    of the head's task, in addition to their gold labels, and text without labels. A resumed run
    labels them again. The confidence is the probability of the most probable labels. Teachers are
    no part of the archive. A sentence takes 4 (L T + T^2) bytes of memory, with L characters and T
    tags.

    Registered as "distillation".

    # Parameters

    vocab : supplied.
    dims : supplied.
    head : name of the head that learns; it must tag characters.
    teachers : archives, or folders of runs, whose head of this name (or only head) has the same
        tags; null for the model itself as it is when the run, or the stage, begins.
    datasets : names of the datasets that are labelled; null for those of the head and those without
        labels.
    weight : weight of the loss.
    temperature : tau, above 0.
    threshold : confidence from 0 to 1 below which a sentence is left out.
    k_best : number of best tag paths per teacher; null for all paths.
    batch_size : maximum number of sentences in a batch of a teacher.
    cuda_device : index of the GPU on which teachers label, or -1 for the CPU.
    schedule : factor of `weight` over training; constant 1 by default.

    # Raises

    ConfigurationError : a teacher is missing or has other tags, or the head does not tag
        characters.

    # Example

    ```jsonnet
    { type: 'distillation', head: 'weibo',
      teachers: ['runs/s1/model.tar.gz', 'runs/s2/model.tar.gz'],
      temperature: 2.0, threshold: 0.5 }
    ```
    """

    every_sentence = False

    def __init__(
        self,
        vocab: Vocabulary,
        dims: Mapping[str, int],
        head: str,
        teachers: list[str] | None = None,
        datasets: list[str] | None = None,
        weight: float = 1.0,
        temperature: float = 1.0,
        threshold: float = 0.0,
        k_best: int | None = None,
        batch_size: int = 64,
        cuda_device: int = -1,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__([], weight, schedule)
        self.head = head
        self.trained_heads = [head]
        self.teachers = teachers
        self.datasets = datasets
        self.temperature = temperature
        self.threshold = threshold
        self.k_best = k_best
        self.batch_size = batch_size
        self.cuda_device = cuda_device
        # In tuples, so that neither the model nor the teachers are modules of the objective. The
        # model as its own teacher is a copy: its weights stay those at the start.
        self._model: tuple[SharingModel, ...] = ()
        self._loaded: tuple[Teacher, ...] = ()

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: head, datasets and archives exist, numbers are in range."""
        super().check(settings, context)
        _check_numbers(settings)
        expected = "dataset, or null for those of the head and those without labels"
        check_some(settings["datasets"], expected, "datasets")
        run = context.run
        if run is None:
            return

        head = settings["head"]
        if head not in run.heads:
            raise ConfigurationError(
                f'no head "{head}".{nearest(head, run.heads)} Heads: {", ".join(run.heads)}.',
                "head",
            )
        for index, name in enumerate(settings["datasets"] or ()):
            check_dataset(name, run.datasets, f"datasets.{index}")
        if settings["teachers"] is None and not run.starts_with_weights:
            raise ConfigurationError(
                "null is the model as it is when the run begins, which has fresh weights: expected"
                " archives, a stage before this one, or an initializer",
                "teachers",
            )
        for index, path in enumerate(settings["teachers"] or ()):
            with below(f"teachers.{index}"):
                check_teacher(path, head)

    @classmethod
    def files_read(cls, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """See `Registrable.files_read`: the archives of the teachers."""
        paths = enumerate(settings["teachers"] or ())
        return {f"teachers.{index}": path for index, path in paths}

    @classmethod
    def uses_unlabelled(cls, settings: Mapping[str, Any], dataset: str) -> bool:
        """See `Objective.uses_unlabelled`: those that teachers label."""
        return settings["datasets"] is None or dataset in settings["datasets"]

    @classmethod
    def towers_read(
        cls, settings: Mapping[str, Any], heads: Mapping[str, Sequence[str]]
    ) -> list[str]:
        """See `Objective.towers_read`: those of its head."""
        return [name for name in heads.get(settings["head"], ()) if name != ENCODER]

    def attach(self, model: Any) -> None:
        """See `Objective.attach`."""
        assert isinstance(model, SharingModel)
        self._model = (model,)
        if self.head not in model.heads:
            raise ConfigurationError(f'the model has no head "{self.head}"', "model.objectives")
        if model.tagging_head(self.head) is None:
            raise ConfigurationError(
                f'head "{self.head}" does not tag characters, as "distillation" needs',
                f"model.heads.{self.head}.type",
            )
        self.reads = self.towers_read({"head": self.head}, model.graph.reads)

    @property
    def student(self) -> TaggingHead:
        """The head that learns."""
        head = self._model[0].tagging_head(self.head)
        assert head is not None
        return head

    def targets(self, dataset: EncodedDataset) -> Targets:
        """See `Objective.targets`: the expectations of tags and transitions, and who is confident.

        # Raises

        ConfigurationError : a teacher has other tags than the head.
        """
        if not self._labels(dataset):
            return {}

        size = len(self.student.labels)
        tags_NT: NDArray[np.float32] = np.zeros((int(dataset.offsets[-1]), size), np.float32)
        transitions_RTT: NDArray[np.float32] = np.zeros((len(dataset), size, size), np.float32)
        confident_R: NDArray[np.int64] = np.zeros(len(dataset), np.int64)
        for sentences, found in label_dataset(
            self._teachers(),
            self.student.as_crf(),
            dataset,
            self.temperature,
            self.k_best,
            self.batch_size,
        ):
            transitions_RTT[sentences] = found.transitions_BTT.numpy()
            confident_R[sentences] = (found.confidence_B >= self.threshold).numpy()
            for tags_LT, sentence in zip(found.tags_BLT.numpy(), sentences, strict=True):
                first, last = dataset.offsets[sentence : sentence + 2]
                tags_NT[first:last] = tags_LT[: last - first]

        logger.info(
            "%s: teachers label %d of %d sentences with a confidence of %g or more",
            dataset.dataset,
            confident_R.sum(),
            len(dataset),
            self.threshold,
        )
        return {
            "tags": PerCharacter(tags_NT),
            "transitions": PerSentence(transitions_RTT),
            "confident": Counted(confident_R),
        }

    def sentences(self, batch: Batch) -> Sequence[int]:
        """See `Objective.sentences`: those that teachers have labelled with confidence."""
        confident_B = batch.targets.get("confident")
        if confident_B is None:
            return []
        return [i for i, confident in enumerate(confident_B.tolist()) if confident]

    def forward(
        self, states: Mapping[str, TowerStates], batch: Batch, progress: float
    ) -> tuple[Tensor, Statistics]:
        """See `Objective.forward`; reports nothing."""
        sentences = list(self.sentences(batch))
        if not sentences:
            return torch.zeros((), device=batch.device), {}

        selected, emissions_BLT = self._model[0].head_output(states, batch, self.head, sentences)
        student = self.student
        loss_B = self.temperature**2 * student.as_crf().cross_entropy(
            emissions_BLT,
            selected.targets["tags"],
            selected.targets["transitions"],
            selected.mask_BL,
            1.0 / self.temperature,
        )
        loss_B = loss_B * selected.weights_B
        if student.normalize_by == "characters":
            loss_B = loss_per_character(loss_B, selected)
        return loss_B.sum() / batch.units[batch.owner], {}

    def _labels(self, dataset: EncodedDataset) -> bool:
        """Whether the sentences of a dataset are labelled."""
        if self.datasets is not None:
            return dataset.dataset in self.datasets
        return dataset.head in (self.head, None)

    def _teachers(self) -> Sequence[Teacher]:
        """Return the teachers, which are made before training."""
        if not self._loaded:
            self._loaded = tuple([self._own_copy()] if self.teachers is None else self._archived())
        return self._loaded

    def _own_copy(self) -> Teacher:
        """Return the model as it is now, as a teacher of its own."""
        model = self._model[0]
        copied = copy.deepcopy(model, {id(model.vocab): model.vocab})
        return Teacher(copied.to(device_of(self.cuda_device)), self.head)

    def _archived(self) -> Iterator[Teacher]:
        """Yield the teachers of archives."""
        for index, path in enumerate(self.teachers or ()):
            with below(f"teachers.{index}"):
                yield load_teacher(path, self.student, self.cuda_device)


def _check_numbers(settings: Mapping[str, Any]) -> None:
    above(0, settings["temperature"], "temperature")
    if not 0 <= settings["threshold"] <= 1:
        raise ConfigurationError(
            f"expected a probability from 0 to 1, found {settings['threshold']}", "threshold"
        )
    for key in ("k_best", "batch_size"):
        at_least(1, settings[key], key)
    if settings["teachers"] is not None and not settings["teachers"]:
        raise ConfigurationError("expected an archive or more, or null", "teachers")
