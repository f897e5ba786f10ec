"""Evidence for every source corpus of a study, and the ranking that follows from it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.data.reading import DatasetReader
from ner_adv_plugin.data.reading.instance_table import InstanceTable
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.studies.facts import data_of
from ner_adv_plugin.studies.ranking.overlaps import (
    coverage,
    ngram_counts,
    type_similarity,
)
from ner_adv_plugin.studies.ranking.states import (
    EncodedSample,
    build_encoder,
    encode_sample,
    pretrained_encoder,
)
from ner_adv_plugin.studies.ranking.transferability import h_score, log_me, source_scores
from ner_adv_plugin.training.callbacks.domain_probe import probe

# Surface form and type of an entity or word.
Mention = tuple[str, str]


@dataclass(frozen=True)
class Evidence:
    """One kind of evidence.

    # Parameters

    title : what tables call it.
    larger_is_better : False if small values speak for a source.
    of_states : whether it needs the states of a pretrained encoder.
    """

    title: str
    larger_is_better: bool = True
    of_states: bool = False


EVIDENCE = {
    "logme": Evidence("LogME", of_states=True),
    "h_score": Evidence("H-score", of_states=True),
    "a_distance": Evidence("proxy A-distance (small is near)", False, of_states=True),
    "characters": Evidence("characters of the target found"),
    "bigrams": Evidence("bigrams of the target found"),
    "surfaces": Evidence("entities of the target found"),
    "entities": Evidence("the same, with their type"),
    "types": Evidence("types in common"),
    "size": Evidence("training sentences"),
}


@dataclass(frozen=True)
class Corpus:
    """The training sentences of a dataset.

    # Parameters

    reader : its reader.
    table : the sentences, without leaked ones.
    """

    reader: DatasetReader
    table: InstanceTable

    @property
    def kind(self) -> str:
        """Return "entities", "words" or "unlabelled"."""
        if self.reader.head is None or self.table.spans is None:
            return "unlabelled"
        return "words" if self.reader.task == "segmentation" else "entities"

    def mentions(self) -> Iterator[Mention]:
        """Yield the surface form and type of every entity or word."""
        for instance in self.table:
            for span in instance.spans or ():
                yield instance.text[span.start : span.end], span.type


@dataclass(frozen=True)
class Ranking:
    """The candidates of a target with their evidence.

    # Parameters

    target : name of the dataset.
    encoder : name of the pretrained encoder; None without one.
    sentences : at most so many sentences of each corpus were encoded.
    kinds : of every candidate: what its labels are, see `Corpus.kind`.
    evidence : for every candidate its evidence by name, None if it is not defined.
    """

    target: str
    encoder: str | None
    sentences: int
    kinds: dict[str, str]
    evidence: dict[str, dict[str, float | None]]
    ranks: dict[str, dict[str, float]] = field(init=False)
    mean_ranks: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        ranks = ranked(self.evidence)
        object.__setattr__(self, "ranks", ranks)
        mean_ranks = {name: float(np.mean(list(own.values()))) for name, own in ranks.items()}
        object.__setattr__(self, "mean_ranks", mean_ranks)

    @property
    def order(self) -> list[str]:
        """Return the candidates, best first, those of equal mean rank in the order of the study."""
        return sorted(self.mean_ranks, key=lambda name: self.mean_ranks[name])

    def as_json(self) -> dict[str, Any]:
        """Return the content of `ranking.json`."""
        return {
            "target": self.target,
            "encoder": self.encoder,
            "sentences_encoded": self.sentences,
            "order": self.order,
            "candidates": {
                name: {
                    "labels": self.kinds[name],
                    "mean_rank": self.mean_ranks[name],
                    "ranks": self.ranks[name],
                    "evidence": self.evidence[name],
                }
                for name in self.order
            },
        }


def ranked(evidence: Mapping[str, Mapping[str, float | None]]) -> dict[str, dict[str, float]]:
    """Rank the candidates by each evidence, 1 for the best; equal values share their mean rank.

    A candidate that lacks an evidence comes after all that have it; evidence that no candidate has
    ranks nobody.

    # Parameters

    evidence : by candidate and name.
    """
    ranks: dict[str, dict[str, float]] = {name: {} for name in evidence}
    for kind, described in EVIDENCE.items():
        values = [own[kind] for own in evidence.values()]
        if all(value is None for value in values):
            continue
        sign = -1 if described.larger_is_better else 1
        keys = [np.inf if value is None else sign * value for value in values]
        for name, rank in zip(evidence, stats.rankdata(keys), strict=True):
            ranks[name][kind] = float(rank)
    return ranks


def candidates_of(target: str, jobs: Mapping[str, TrainJob]) -> dict[str, Corpus]:
    """Return every dataset but the target that an arm trains on, in the order of the arms.

    # Raises

    `ConfigurationError` if there is none, or, at `arms.<name>`, if two arms read different files
    or sentences under one name.
    """
    found: dict[str, Corpus] = {}
    for arm, job in jobs.items():
        data = data_of(job)
        for name, table in data.splits["train"].items():
            own = Corpus(data.readers[name], table)
            if name == target:
                continue
            if name in found and not _same(found[name].table, table):
                raise ConfigurationError(
                    f'its dataset "{name}" has other training sentences or labels than that of an'
                    " arm before it: give one of them another name",
                    f"arms.{arm}",
                )
            found.setdefault(name, own)
    if not found:
        raise ConfigurationError(
            f'no arm reads a dataset besides the target "{target}": there is nothing to rank',
            "arms",
        )
    return found


def rank_candidates(
    target: str, jobs: Mapping[str, TrainJob], baseline: str, sentences: int
) -> Ranking:
    """Compute the evidence for every candidate of a study, from training sentences alone.

    # Parameters

    target : the dataset that is scored.
    jobs : the arms' checked configs.
    baseline : the arm whose encoder is used.
    sentences : at most so many of each corpus are encoded.
    """
    candidates = candidates_of(target, jobs)
    data = data_of(jobs[baseline])
    goal = Corpus(data.readers[target], data.splits["train"][target])
    evidence = dict(zip(candidates, _overlaps(goal, list(candidates.values())), strict=True))

    settings = pretrained_encoder(jobs[baseline])
    if settings is not None:
        encoder = build_encoder(settings, jobs[baseline].filled["trainer"].get("cuda_device"))
        own = encode_sample(encoder, goal.reader, goal.table, sentences)
        for name, corpus in candidates.items():
            sample = encode_sample(encoder, corpus.reader, corpus.table, sentences)
            evidence[name] |= state_evidence(own, sample)
    return Ranking(
        target,
        None if settings is None else settings["model_name"],
        sentences,
        {name: corpus.kind for name, corpus in candidates.items()},
        {name: {kind: found.get(kind) for kind in EVIDENCE} for name, found in evidence.items()},
    )


def state_evidence(target: EncodedSample, source: EncodedSample) -> dict[str, float | None]:
    """Return the evidence of encoder states: LogME, H-score and proxy A-distance.

    LogME and H-score are those of the target's classes given `source_scores`: how well a linear
    tagger of the source, fitted in closed form on the frozen states, tells the target's tags apart.

    The proxy A-distance is 2 (1 - 2 error) of a linear classifier of mean sentence states, target
    against source, cross-validated in two folds (Ben-David et al. 2007).

    # Parameters

    target, source : samples of both corpora.
    """
    found: dict[str, float | None] = {"logme": None, "h_score": None}
    if target.classes is not None and source.classes is not None:
        scores = source_scores(source.characters_CD, _indices(source.classes), target.characters_CD)
        if scores is not None:
            found["logme"] = log_me(scores, _indices(target.classes))
            found["h_score"] = h_score(scores, _indices(target.classes))

    states = np.concatenate([target.sentences_ND, source.sentences_ND])
    domains = np.repeat([0, 1], [len(target.sentences_ND), len(source.sentences_ND)])
    result = probe(torch.from_numpy(states), torch.from_numpy(domains))
    found["a_distance"] = None if result is None else result.a_distance
    return found


def _overlaps(target: Corpus, sources: Sequence[Corpus]) -> Iterator[dict[str, float | None]]:
    """Yield the evidence for every source that needs no encoder."""
    grams = {n: ngram_counts(target.table.texts(), n) for n in (1, 2)}
    mentions = Counter(target.mentions())
    surfaces = Counter(surface for surface, _ in mentions.elements())
    for source in sources:
        found = {n: ngram_counts(source.table.texts(), n) for n in (1, 2)}
        own = set(source.mentions())
        has_types = source.kind == "entities" and target.kind == "entities"
        yield {
            "characters": coverage(grams[1], found[1]),
            "bigrams": coverage(grams[2], found[2]),
            "surfaces": coverage(surfaces, {surface for surface, _ in own}) if own else None,
            "entities": coverage(mentions, own) if has_types else None,
            "types": type_similarity(_types(mentions), _types(own)) if has_types else None,
            "size": float(len(source.table)),
        }


def _types(mentions: Iterable[Mention]) -> set[str]:
    return {kind for _, kind in mentions}


def _indices(classes: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(classes, return_inverse=True)[1].astype(np.int64)


def _same(one: InstanceTable, other: InstanceTable) -> bool:
    return one is other or one == other
