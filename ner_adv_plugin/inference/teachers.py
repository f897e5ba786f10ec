"""What trained models say about sentences, as expectations over tag paths.

Shape suffixes: B sentences, L characters, T tags, K teachers, N paths.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ner_adv_plugin.archives.archive import load_archive
from ner_adv_plugin.common.errors import ConfigurationError, nearest, nearest_file
from ner_adv_plugin.common.files import is_url, local_path
from ner_adv_plugin.common.processes import gather
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.data.instance import Instance
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.inference.batched import infer
from ner_adv_plugin.inference.tagger import Tagger
from ner_adv_plugin.models.sharing_model import SharingModel
from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.modules.heads import TaggingHead

# Sentences, of similar length, that are labelled together.
CHUNK = 512
# Largest number of entries, sentences by best paths by characters by tags, of such a chunk.
MOST_ENTRIES = 2**24


@dataclass(frozen=True)
class Teacher:
    """A trained model that labels sentences with one head.

    # Parameters

    model : the model.
    head : name of the head.
    tagger : encodes sentences for the model; None if it reads the same as the model that is
        trained.
    """

    model: SharingModel
    head: str
    tagger: Tagger | None = None

    @property
    def tagging_head(self) -> TaggingHead:
        """The head."""
        head = self.model.tagging_head(self.head)
        assert head is not None
        return head

    def emissions(
        self, dataset: EncodedDataset, sentences: Sequence[int], batch_size: int, description: str
    ) -> dict[int, NDArray[np.float32]]:
        """Compute the tag scores of some sentences, each (length, T), without empty ones.

        # Parameters

        dataset : the dataset.
        sentences : indices of the sentences.
        batch_size : maximum number of sentences in a batch.
        description : label of the progress bar.
        """
        if self.tagger is None:
            instances = [Instance(dataset.text(i), dataset.gold(i)) for i in sentences]
            chunk = dataset.with_sentences(instances, np.array(sentences, np.int64))
        else:
            chunk = self.tagger.encoded([Instance(dataset.text(i)) for i in sentences])

        def ask(batch: Batch) -> Tensor:
            return self.model.tag_scores(batch, self.head)

        found: dict[int, NDArray[np.float32]] = {}
        # Labels are the same in an epoch and when a run is resumed.
        device = next(self.model.parameters()).device
        with torch.autocast(device.type, enabled=False):
            for batch, scores_BLT in infer(self.model, chunk, ask, batch_size, description):
                scores = scores_BLT.float().cpu().numpy()
                for row, (index, length) in enumerate(
                    zip(batch.sentence_ids, batch.lengths, strict=True)
                ):
                    found[sentences[index]] = scores[row, :length]
        return {key: own for share in gather(found) for key, own in share.items()}


@dataclass(frozen=True)
class Labelling:
    """What teachers say about the sentences of a batch.

    # Parameters

    tags_BLT : probability of each tag, 0 at padding.
    transitions_BTT : expected number of uses of each transition.
    confidence_B : probability of the most probable of the teachers' best tag paths.
    """

    tags_BLT: Tensor
    transitions_BTT: Tensor
    confidence_B: Tensor


def labelled(
    fields: Sequence[ConditionalRandomField],
    emissions: Sequence[Tensor],
    mask_BL: Tensor,
    temperature: float = 1.0,
    k_best: int | None = None,
) -> Labelling:
    r"""Return the expectations of a mixture of CRFs, each with the same weight.

    The distribution of a teacher is $q(y) \propto \exp(s(y) / \tau)$, over all paths or over its k
    best ones.

    # Parameters

    fields : the CRF of each teacher.
    emissions : the tag scores of each teacher, each (B, L, T).
    mask_BL : True at characters.
    temperature : tau; the confidence is that at temperature 1.
    k_best : number of best paths; None for all paths.
    """
    scale = 1.0 / temperature
    parts = []
    best_paths, probabilities = [], []
    for field, own_BLT in zip(fields, emissions, strict=True):
        scaled = field.scaled(scale)
        if k_best is None:
            parts.append(scaled.expectations(scale * own_BLT, mask_BL))
        else:
            found = field.n_best(own_BLT, mask_BL, k_best)
            weights_BN = torch.softmax(scale * found.scores_BN.double(), 1)
            parts.append(path_expectations(found.tags_BNL, weights_BN, mask_BL, field.num_tags))
        best_paths.append(field.decode(own_BLT, mask_BL))
    for paths_BL in best_paths:
        each = [
            field.score(own_BLT.double(), paths_BL, mask_BL)
            - field.log_partition(own_BLT.double(), mask_BL)
            for field, own_BLT in zip(fields, emissions, strict=True)
        ]
        probabilities.append(torch.stack(each).exp().mean(0))
    return Labelling(
        torch.stack([tags for tags, _ in parts]).mean(0),
        torch.stack([transitions for _, transitions in parts]).mean(0),
        torch.stack(probabilities).amax(0),
    )


def path_expectations(
    tags_BNL: Tensor, weights_BN: Tensor, mask_BL: Tensor, num_tags: int
) -> tuple[Tensor, Tensor]:
    """Return the expectations of a distribution over listed paths.

    # Parameters

    tags_BNL : the paths; any tags at padding.
    weights_BN : their probabilities.
    mask_BL : True at characters.
    num_tags : number of tags, T.

    # Returns

    The probability of each tag, (B, L, T), 0 at padding, and the expected number of uses of each
    transition, (B, T, T).
    """
    weights_BN11 = weights_BN[:, :, None, None]
    tags_BNLT = torch.nn.functional.one_hot(tags_BNL, num_tags).to(weights_BN.dtype)
    tags_BNLT = tags_BNLT * mask_BL[:, None, :, None]
    transitions_BTT = torch.einsum(
        "bnls,bnlt->bst", weights_BN11 * tags_BNLT[:, :, :-1], tags_BNLT[:, :, 1:]
    )
    return (weights_BN11 * tags_BNLT).sum(1), transitions_BTT


def label_dataset(
    teachers: Sequence[Teacher],
    student: ConditionalRandomField,
    dataset: EncodedDataset,
    temperature: float = 1.0,
    k_best: int | None = None,
    batch_size: int = 64,
) -> Iterator[tuple[list[int], Labelling]]:
    """Label the sentences of a dataset; yield sentences of similar length together.

    Only paths that the student allows have a probability. Empty sentences are left out.

    # Parameters

    teachers : the teachers.
    student : the CRF of the head that learns from them.
    dataset : the dataset.
    temperature, k_best : see `labelled`.
    batch_size : maximum number of sentences in a batch of a teacher.

    # Returns

    Indices of sentences, and what the teachers say about them.
    """
    fields = [_field(teacher.tagging_head, student) for teacher in teachers]
    order = np.argsort(-dataset.lengths, kind="stable")
    order = order[: int(np.count_nonzero(dataset.lengths))]
    size = CHUNK
    if k_best is not None and len(order):
        # Of the longest sentence.
        entries = k_best * int(dataset.lengths[order[0]]) * student.num_tags
        size = max(1, min(CHUNK, MOST_ENTRIES // entries))
    for first in range(0, len(order), size):
        sentences = order[first : first + size].tolist()
        lengths = dataset.lengths[sentences]
        mask_BL = torch.from_numpy(np.arange(lengths[0])[None, :] < lengths[:, None])
        emissions = []
        for teacher in teachers:
            found = teacher.emissions(
                dataset, sentences, batch_size, f"labelling {dataset.dataset}"
            )
            scores_BLT = torch.zeros(*mask_BL.shape, student.num_tags)
            for row, sentence in enumerate(sentences):
                scores_BLT[row, : lengths[row]] = torch.from_numpy(found[sentence])
            emissions.append(scores_BLT / float(teacher.tagging_head.temperature))
        yield sentences, labelled(fields, emissions, mask_BL, temperature, k_best)


def _field(head: TaggingHead, student: ConditionalRandomField) -> ConditionalRandomField:
    """Return the CRF of a teacher, calibrated, over paths that teacher and student allow."""
    own = head.as_crf()
    scale = 1.0 / float(head.temperature)
    return ConditionalRandomField.of_scores(
        {name: scale * value.cpu() for name, value in own.state_dict().items()},
        own.allowed_starts.cpu() & student.allowed_starts.cpu(),
        own.allowed_transitions.cpu() & student.allowed_transitions.cpu(),
        own.allowed_ends.cpu() & student.allowed_ends.cpu(),
    )


def check_teacher(path: str, head: str) -> None:
    """Check that the archive of a teacher exists and has a head for a student's head.

    # Parameters

    path : the archive, or the folder of a run; a URL is not checked.
    head : the student's head.

    # Raises

    ConfigurationError : with an empty path.
    """
    if is_url(path):
        return
    if not Path(path).exists():
        raise ConfigurationError(f'no such archive "{path}".{nearest_file(Path(path))}')
    source = local_path(path)
    folder = source / "vocabulary"
    _head_of(Vocabulary.from_files(folder if folder.is_dir() else source), head, path)


def load_teacher(path: str, student: TaggingHead, cuda_device: int) -> Teacher:
    """Load a teacher from an archive.

    # Parameters

    path : path or URL of a `model.tar.gz`, or the folder of a run.
    student : the head that learns from it.
    cuda_device : index of a GPU, or -1 for the CPU.

    # Raises

    ConfigurationError : with an empty path, if the teacher has other tags.
    """
    name = student.label_space.head
    source = local_path(path)
    folder = source / "vocabulary"
    vocab = Vocabulary.from_files(folder if folder.is_dir() else source)
    head = _head_of(vocab, name, path)
    # Fresh weights, soon replaced, must not use up random numbers of the run.
    with torch.random.fork_rng(devices=[]):
        archive = load_archive(path, cuda_device, only_heads=[head])
    model = archive.model
    found = model.tagging_head(head) if isinstance(model, SharingModel) else None
    if found is None or not isinstance(model, SharingModel):
        raise ConfigurationError(f'head "{head}" of "{path}" does not tag characters')
    if found.labels != student.labels:
        raise ConfigurationError(
            f'head "{head}" of "{path}" has other tags than head "{name}":'
            f" {_difference(found, student)}"
        )
    return Teacher(model, head, Tagger(archive, head))


def _head_of(vocab: Vocabulary, head: str, path: str) -> str:
    """Return the name of a teacher's head: the student's, or the only one that has labels."""
    able = [name for name in vocab.heads if not vocab.label_space(name).raw_text]
    if head in able:
        return head
    if len(able) == 1:
        return able[0]
    raise ConfigurationError(
        f'"{path}" has no head "{head}".{nearest(head, able)} Heads: {", ".join(able) or "none"}.'
    )


def _difference(teacher: TaggingHead, student: TaggingHead) -> str:
    """Describe how the tags of two heads differ."""
    theirs, own = teacher.label_space.types, student.label_space.types
    if theirs != own:
        return f"expected the types {', '.join(own)}, found {', '.join(theirs) or 'none'}"
    return f"expected the scheme {student.scheme.name}, found {teacher.scheme.name}"
