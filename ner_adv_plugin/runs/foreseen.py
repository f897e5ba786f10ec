"""The memory that a training run will need, foreseen from its config."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.data.label_spaces import dataset_spaces, heads_of
from ner_adv_plugin.models import Model, SharingModel
from ner_adv_plugin.modules.encoders.loading import empty_transformer
from ner_adv_plugin.runs.job import TrainJob
from ner_adv_plugin.training.memory import numbers_per_token, peak_bytes
from ner_adv_plugin.training.steps.step import TrainingStep

# Of a tower or embedding whose config does not say.
SIZE = 128
# The longest sentence if the config has no `max_length`.
LENGTH = 512


def foreseen_memory(job: TrainJob) -> str:
    """Describe the peak memory of training in a line.

    It holds for batches whose sentences all have the maximum length; most batches need less.

    # Parameters

    job : the checked job.
    """
    filled = job.filled
    length, tokens = _largest_batch(filled["data_loader"])
    limit = filled["trainer"].get("max_tokens_per_pass")
    copies = getattr(class_of(TrainingStep, filled["trainer"].get("step")), "copies", 1)
    tokens = copies * (tokens if limit is None else min(tokens, max(limit // copies, length)))
    parameters, numbers = _encoder(filled["model"].get("encoder") or {})
    numbers += _towers(filled["model"], job) * _tower(filled["model"].get("tower"))

    peak = peak_bytes(parameters, numbers, tokens) / 2**30
    return (
        f"peak memory foreseen: {peak:.1f} GiB, for passes of {tokens} tokens (sentences of"
        f" {length} characters)"
    )


def _largest_batch(loader: Mapping[str, Any]) -> tuple[int, int]:
    """Return the length of the longest sentence and the tokens of the largest batch."""
    length = loader.get("max_length") or LENGTH
    scheduler = loader.get("scheduler") or {}
    if scheduler.get("max_tokens"):
        return length, int(scheduler["max_tokens"])

    size = scheduler.get("batch_size") or loader.get("batch_size") or 32
    sentences = max(size.values()) if isinstance(size, Mapping) else size
    return length, length * int(sentences)


def _encoder(settings: Mapping[str, Any]) -> tuple[int, int]:
    """Return the parameters of an encoder and its numbers per token, without its weights."""
    folder = settings.get("model_name")
    if not isinstance(folder, str) or not (Path(folder) / "config.json").is_file():
        return 0, 4 * int(settings.get("embedding_dim") or SIZE)

    try:
        transformer = empty_transformer(folder)
    except (OSError, ValueError, KeyError):
        # What is wrong with the folder is reported when it is loaded.
        return 0, 0
    return sum(p.numel() for p in transformer.parameters()), numbers_per_token(transformer)


def _towers(settings: Mapping[str, Any], job: TrainJob) -> int:
    """Return the most towers that a sentence runs over; 2 if the model does not say."""
    model = class_of(Model, settings)
    if model is None or not issubclass(model, SharingModel):
        return 2

    heads = dict.fromkeys(heads_of(dataset_spaces(job.sources.reader.readers)), "dataset_reader")
    graph = model.planned_graph(heads, settings)
    if graph is None:
        return 2
    combinations = model.combinations(list(heads), settings)
    routes = (graph.route([head], graph.observed) for head in heads)
    return max(len([name for name in route if name not in combinations]) for route in routes)


def _tower(settings: Any) -> int:
    """Return the numbers per token of a recurrent tower."""
    settings = settings if isinstance(settings, Mapping) else {}
    directions = 2 if settings.get("bidirectional", True) else 1
    return 10 * directions * int(settings.get("hidden_size") or SIZE)
