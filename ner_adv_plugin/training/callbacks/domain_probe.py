"""Linear probe: how well the states of a tower separate classes of sentences.

Shape suffixes: B sentences of a batch, L characters, D state size, N sentences, F features,
K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from ner_adv_plugin.data.batching.batch import Batch, collate
from ner_adv_plugin.data.batching.encoded_dataset import EncodedDataset
from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.objectives import Objective
from ner_adv_plugin.modules.pooling import MaxPooling, MeanPooling
from ner_adv_plugin.modules.towers import TowerStates

# Weight of the squared L2 norm of the probe's weights, for features of unit variance. It prevents
# overfitting if there are more features than sentences.
L2 = 1e-2
FOLDS = 2
BATCH_SIZE = 64


@dataclass(frozen=True)
class ProbeResult:
    """Scores of a linear probe.

    # Parameters

    accuracy : mean of the per-class accuracies on held-out sentences.
    chance : accuracy of a random guess, 1 / K.
    a_distance : proxy A-distance, 2 (1 - 2 error), 0 to 2, mean over all pairs of classes
        (Ben-David et al. 2007).
    """

    accuracy: float
    chance: float
    a_distance: float


def probe(features_NF: Tensor, class_N: Tensor) -> ProbeResult | None:
    """Cross-validate a linear classifier of sentences in two folds.

    Classes have equal weight, whatever their size. For the A-distance, a pair of classes is
    separated by the difference of their two logits; an error above 0.5 counts as 0.5.

    # Parameters

    features_NF : features of the sentences.
    class_N : class indices; classes with fewer than two sentences are ignored.

    # Returns

    The scores; None if fewer than two classes have two sentences or more.

    # Examples

    >>> import torch
    >>> probe(torch.tensor([[0.0], [0.1], [1.0], [1.1]]), torch.tensor([0, 0, 1, 1]))
    ProbeResult(accuracy=1.0, chance=0.5, a_distance=2.0)
    """
    kept = [index for index in class_N.unique().tolist() if int((class_N == index).sum()) >= FOLDS]
    if len(kept) < 2:
        return None

    sentences = torch.cat([(class_N == index).nonzero()[:, 0] for index in kept])
    features_NF = features_NF[sentences].double()
    class_N = torch.searchsorted(torch.tensor(kept), class_N[sentences].cpu())

    # The sentences of each class alternate between the folds.
    fold_N = torch.cat([torch.arange(int((class_N == k).sum())) % FOLDS for k in range(len(kept))])
    logits_NK = torch.empty(len(sentences), len(kept), dtype=torch.float64)
    for fold in range(FOLDS):
        held_out = fold_N == fold
        logits_NK[held_out] = _fit_predict(
            features_NF[~held_out], class_N[~held_out], features_NF[held_out]
        ).cpu()

    is_correct_N = (logits_NK.argmax(1) == class_N).double()
    accuracy = torch.stack([is_correct_N[class_N == k].mean() for k in range(len(kept))]).mean()
    distances = [
        _a_distance(logits_NK, class_N, first, second)
        for first, second in combinations(range(len(kept)), 2)
    ]
    return ProbeResult(float(accuracy), 1 / len(kept), sum(distances) / len(distances))


def _fit_predict(train_NF: Tensor, class_N: Tensor, test_NF: Tensor) -> Tensor:
    """Fit a regularised logistic regression and return its logits, (N, K), on other sentences.

    The problem is convex and the weights start at 0: the result is deterministic.
    """
    mean_F, std_F = train_NF.mean(0), train_NF.std(0, correction=0)
    scale_F = torch.where(std_F > 0, std_F, 1.0)
    train_NF = (train_NF - mean_F) / scale_F
    test_NF = (test_NF - mean_F) / scale_F

    class_N = class_N.to(train_NF.device)
    counts_K = class_N.bincount()
    class_weight_K = (1 / counts_K).to(train_NF.dtype)

    weight_FK = train_NF.new_zeros(train_NF.shape[1], len(counts_K)).requires_grad_()
    bias_K = train_NF.new_zeros(len(counts_K)).requires_grad_()
    solver = torch.optim.LBFGS([weight_FK, bias_K], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        logits_NK = train_NF @ weight_FK + bias_K
        loss = (
            torch.nn.functional.cross_entropy(logits_NK, class_N, class_weight_K)
            + L2 * weight_FK.square().sum()
        )
        loss.backward()
        return loss

    with torch.enable_grad():
        solver.step(closure)
    return (test_NF @ weight_FK + bias_K).detach()


def _a_distance(logits_NK: Tensor, class_N: Tensor, first: int, second: int) -> float:
    """Return 2 (1 - 2 error) of a pair of classes; a tie counts as half an error."""
    margin_N = logits_NK[:, first] - logits_NK[:, second]

    error = 0.0
    for sign, index in ((1.0, first), (-1.0, second)):
        own_N = sign * margin_N[class_N == index]
        error += float(((own_N < 0).double() + 0.5 * (own_N == 0).double()).mean()) / 2
    return max(0.0, 2 * (1 - 2 * error))


def tower_features(
    model: Model,
    objective: Objective,
    sentences: Mapping[str, EncodedDataset],
    classes: Mapping[str, str | None],
    count: int,
) -> tuple[dict[str, Tensor], Tensor]:
    """Compute fixed features of sentences from the towers that an objective reads.

    The model runs without dropout and gradients; its mode is restored.

    # Parameters

    model : the model that the objective belongs to.
    objective : an objective of the model.
    sentences : sentences of every dataset.
    classes : class of each dataset; None to leave its sentences out.
    count : maximum number of sentences per class, sampled with a fixed seed.

    # Returns

    By tower the mean and maximum of the states over each sentence, (N, 2 D), and the classes of
    the sentences, (N,).
    """
    chosen = _sample_sentences(sentences, classes, count)
    features: dict[str, list[Tensor]] = {name: [] for name in objective.reads}

    def keep_features(
        module: torch.nn.Module, arguments: tuple[Mapping[str, TowerStates], Batch, float]
    ) -> None:
        states, batch, _ = arguments
        for name in features:
            states_BLD = states[name].states_BLD.float()
            pools = (pooling(states_BLD.shape[2]) for pooling in (MeanPooling, MaxPooling))
            features[name].append(torch.cat([pool(states_BLD, batch.mask_BL) for pool in pools], 1))

    device, was_training = next(model.parameters()).device, model.training
    hook = objective.register_forward_pre_hook(keep_features)
    model.eval()
    with torch.no_grad():
        for start in range(0, len(chosen), BATCH_SIZE):
            batch = collate([(own, i) for own, i, _ in chosen[start : start + BATCH_SIZE]])
            model(batch.to(device), 1.0)
    model.train(was_training)
    hook.remove()

    class_N = torch.tensor([index for _, _, index in chosen])
    return {name: torch.cat(batches) for name, batches in features.items()}, class_N


def _sample_sentences(
    sentences: Mapping[str, EncodedDataset], classes: Mapping[str, str | None], count: int
) -> list[tuple[EncodedDataset, int, int]]:
    """Sample non-empty sentences of each class.

    # Returns

    Dataset, index of the sentence in it, and class index; longest first, the order that batches
    need.
    """
    chosen: list[tuple[EncodedDataset, int, int]] = []
    names = sorted({name for name in classes.values() if name is not None})
    for class_index, name in enumerate(names):
        datasets = [sentences[dataset] for dataset, own in classes.items() if own == name]
        candidates = [
            (dataset, int(sentence))
            for dataset in datasets
            for sentence in dataset.lengths.nonzero()[0]
        ]
        sampled = np.random.default_rng(0).permutation(len(candidates))[:count]
        chosen += [(*candidates[i], class_index) for i in sampled]
    return sorted(chosen, key=lambda sentence: -int(sentence[0].lengths[sentence[1]]))
