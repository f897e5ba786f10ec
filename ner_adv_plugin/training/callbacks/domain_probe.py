"""Whether sentences of different classes can still be told apart by what a tower makes of them.

Shape suffixes: B sentences of a batch, L characters, D state size, N sentences, F features, K classes.
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

# Of the squared weights of the probe, features having unit variance: holds it back where features outnumber sentences.
L2 = 1e-2
FOLDS = 2
BATCH_SIZE = 64


@dataclass(frozen=True)
class ProbeResult:
    """What a fresh probe finds.

    # Parameters

    accuracy : on sentences that it was not trained on, mean of the classes.
    chance : what it is without any knowledge, 1 / K.
    a_distance : proxy A-distance, 2 (1 - 2 error), 0 to 2, mean over all pairs of classes (Ben-David et al. 2007).
    """

    accuracy: float
    chance: float
    a_distance: float


def probe(features_NF: Tensor, class_N: Tensor) -> ProbeResult | None:
    """Train a linear classifier on one half of sentences, try it on the other, and the other way round.

    Classes weigh the same, whatever their sentences. A pair of classes is told apart by the two scores of the one
    classifier; an error above a half counts as a half. None where fewer than two classes have two sentences.

    # Parameters

    features_NF : fixed features.
    class_N : class indices; those of fewer than two sentences are left out.
    """
    kept = [index for index in class_N.unique().tolist() if int((class_N == index).sum()) >= FOLDS]
    if len(kept) < 2:
        return None
    sentences = torch.cat([(class_N == index).nonzero()[:, 0] for index in kept])
    features_NF, class_N = (
        features_NF[sentences].double(),
        torch.searchsorted(torch.tensor(kept), class_N[sentences].cpu()),
    )
    # Of every class each fold has every so-manieth sentence.
    fold_N = torch.cat([torch.arange(int((class_N == k).sum())) % FOLDS for k in range(len(kept))])
    logits_NK = torch.empty(len(sentences), len(kept), dtype=torch.float64)
    for fold in range(FOLDS):
        held_out = fold_N == fold
        logits_NK[held_out] = _fit(
            features_NF[~held_out], class_N[~held_out], features_NF[held_out]
        ).cpu()
    right_N = (logits_NK.argmax(1) == class_N).double()
    accuracy = torch.stack([right_N[class_N == k].mean() for k in range(len(kept))]).mean()
    distances = [
        _a_distance(logits_NK, class_N, one, other)
        for one, other in combinations(range(len(kept)), 2)
    ]
    return ProbeResult(float(accuracy), 1 / len(kept), sum(distances) / len(distances))


def _a_distance(logits_NK: Tensor, class_N: Tensor, one: int, other: int) -> float:
    """2 (1 - 2 error) of telling two classes apart; a tie is half an error."""
    margin_N = logits_NK[:, one] - logits_NK[:, other]
    error = 0.0
    for sign, index in ((1.0, one), (-1.0, other)):
        own_N = sign * margin_N[class_N == index]
        error += float(((own_N < 0).double() + 0.5 * (own_N == 0).double()).mean()) / 2
    return max(0.0, 2 * (1 - 2 * error))


def _fit(train_NF: Tensor, class_N: Tensor, test_NF: Tensor) -> Tensor:
    """The scores, (N, K), of a regularised logistic regression, which has one best solution, from 0."""
    mean_F, std_F = train_NF.mean(0), train_NF.std(0, correction=0)
    scale_F = torch.where(std_F > 0, std_F, 1.0)
    train_NF, test_NF = (train_NF - mean_F) / scale_F, (test_NF - mean_F) / scale_F
    class_N = class_N.to(train_NF.device)
    counts_K = class_N.bincount()
    weight_FK = train_NF.new_zeros(train_NF.shape[1], len(counts_K)).requires_grad_()
    bias_K = train_NF.new_zeros(len(counts_K)).requires_grad_()
    balance_K = (1 / counts_K).to(train_NF.dtype)
    solver = torch.optim.LBFGS([weight_FK, bias_K], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        logits_NK = train_NF @ weight_FK + bias_K
        loss = (
            torch.nn.functional.cross_entropy(logits_NK, class_N, balance_K)
            + L2 * weight_FK.square().sum()
        )
        loss.backward()
        return loss

    with torch.enable_grad():
        solver.step(closure)
    return (test_NF @ weight_FK + bias_K).detach()


def tower_features(
    model: Model,
    objective: Objective,
    sentences: Mapping[str, EncodedDataset],
    classes: Mapping[str, str | None],
    count: int,
) -> tuple[dict[str, Tensor], Tensor]:
    """Frozen features of sentences, of each tower that an objective reads, (N, 2 D): mean and maximum of the states over a
    sentence; and the sentences' classes, (N,). The model's mode is left as it was.

    # Parameters

    model : runs as in training, without dropout and gradients.
    objective : one of its own.
    sentences : of every dataset.
    classes : the class of each dataset's sentences; None for sentences to leave out.
    count : sentences of a class at most, drawn by a seed of their own.
    """
    chosen = _chosen(sentences, classes, count)
    features: dict[str, list[Tensor]] = {name: [] for name in objective.reads}

    def keep(
        module: torch.nn.Module, arguments: tuple[Mapping[str, TowerStates], Batch, float]
    ) -> None:
        states, batch, _ = arguments
        for name in features:
            states_BLD = states[name].states_BLD.float()
            pools = (pooling(states_BLD.shape[2]) for pooling in (MeanPooling, MaxPooling))
            features[name].append(torch.cat([pool(states_BLD, batch.mask_BL) for pool in pools], 1))

    device, was_training = next(model.parameters()).device, model.training
    hook = objective.register_forward_pre_hook(keep)
    model.eval()
    with torch.no_grad():
        for start in range(0, len(chosen), BATCH_SIZE):
            part = [(own, sentence) for own, sentence, _ in chosen[start : start + BATCH_SIZE]]
            model(collate(part).to(device), 1.0)
    model.train(was_training)
    hook.remove()
    class_N = torch.tensor([index for _, _, index in chosen])
    return {name: torch.cat(parts) for name, parts in features.items()}, class_N


def _chosen(
    sentences: Mapping[str, EncodedDataset], classes: Mapping[str, str | None], count: int
) -> list[tuple[EncodedDataset, int, int]]:
    """Sentences that are not empty, each with the index of its class, longest first, as a batch has them."""
    chosen: list[tuple[EncodedDataset, int, int]] = []
    for index, name in enumerate(sorted({name for name in classes.values() if name is not None})):
        own = [sentences[dataset] for dataset, its in classes.items() if its == name]
        every = [
            (dataset, int(sentence)) for dataset in own for sentence in dataset.lengths.nonzero()[0]
        ]
        drawn = np.random.default_rng(0).permutation(len(every))[:count]
        chosen += [(*every[place], index) for place in drawn]
    return sorted(chosen, key=lambda sentence: -int(sentence[0].lengths[sentence[1]]))
