"""Model cards: `README.md` with metadata for hubs and a description for people."""

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from ner_adv_plugin.common.files import is_url
from ner_adv_plugin.common.hubs.hub_path import HUGGING_FACE, parse_hub_path
from ner_adv_plugin.data.corpora.audit import Audit, SplitSummary
from ner_adv_plugin.modules.encoders.encoder_files import is_path
from ner_adv_plugin.publishing.facts import Facts, HeadScores
from ner_adv_plugin.runs.documents import Block, Code, Heading, Items, Table, markdown

LIBRARY = "ner_adv_plugin"
# By this line, a card that people have not taken over is known.
MARKER = (
    "<!-- Written by `allennlp push`, which replaces this file. Remove this line to keep your "
    "changes. -->"
)
# Keys of the config that say where files are, and how a run is watched.
_LOCAL = ("train_data_path", "validation_data_path", "test_data_path", "include_in_archive")


def model_card(
    facts: Facts,
    title: str,
    source: str,
    language: Sequence[str] = ("zh",),
    license_name: str | None = None,
) -> str:
    """Return the model card of a trained model.

    # Parameters

    facts : what is known of it.
    title : its name.
    source : what to load it from, such as `hf://ORG/NAME`.
    language : codes of its languages.
    license_name : identifier of its licence, such as "apache-2.0"; None if it has none.
    """
    blocks = [
        Heading(title, 1),
        *_summary(facts),
        *_use(source, facts.meta),
        *_scores(facts.scores),
        *_data(facts),
        *_config(facts),
    ]
    front = _front_matter(facts, title, language, license_name)
    return f"---\n{front}\n---\n\n{MARKER}\n\n{markdown(blocks)}"


def _front_matter(
    facts: Facts, title: str, language: Sequence[str], license_name: str | None
) -> str:
    """Return the metadata as YAML."""
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="token-classification",
            task_name=_task(facts, scores.head),
            dataset_type=" + ".join(scores.datasets),
            dataset_name=" + ".join(scores.datasets),
            dataset_split="test",
            metric_type=metric,
            metric_name=f"strict {metric}",
            metric_value=round(value, 4),
        )
        for scores in facts.scores
        for metric, value in (
            ("f1", scores.f1),
            ("precision", scores.precision),
            ("recall", scores.recall),
        )
        if not isnan(value)
    ]
    data = ModelCardData(
        language=list(language),
        license=license_name,
        library_name=LIBRARY,
        pipeline_tag="token-classification",
        tags=[LIBRARY, *_tags(facts)],
        base_model=_base_model(facts.archive.config),
        eval_results=results or None,
        model_name=title if results else None,
    )
    return data.to_yaml()


def _tags(facts: Facts) -> list[str]:
    model_type = str(facts.archive.config["model"].get("type", ""))
    tasks = sorted({_task(facts, head).replace(" ", "-") for head in facts.archive.heads})
    shared = ["multi-task-learning"] if len(facts.archive.heads) > 1 else []
    return [*tasks, *shared, model_type.replace("_", "-")]


def _task(facts: Facts, head: str) -> str:
    space = facts.archive.model.vocab.label_space(head)
    return "word segmentation" if space.segmentation else "named entity recognition"


def _base_model(config: Mapping[str, Any]) -> str | None:
    """Return the name of the encoder on the Hugging Face Hub; None if it has none there."""
    name = config["model"].get("encoder", {}).get("model_name")
    if not isinstance(name, str):
        return None
    hub_path = parse_hub_path(name)
    if hub_path is not None:
        return hub_path.repo if hub_path.scheme == HUGGING_FACE else None
    return None if is_path(name) or is_url(name) or Path(name).exists() else name


def _summary(facts: Facts) -> Iterator[Block]:
    archive = facts.archive
    settings = archive.config["model"]
    encoder = settings.get("encoder", {})
    parameters = sum(parameter.numel() for parameter in archive.model.parameters())
    yield (
        f"A model of {LIBRARY}: architecture {settings.get('type')}, encoder "
        f'"{_without_folders(encoder.get("model_name") or encoder.get("type"))}", '
        f"{parameters / 1e6:.1f} million parameters."
    )
    rows = []
    for head in archive.heads:
        space = archive.model.vocab.label_space(head)
        default = " (default)" if head == archive.default_head else ""
        rows.append([f"{head}{default}", _task(facts, head), ", ".join(filter(None, space.types))])
    yield Table(["head", "task", "types"], rows)


def _use(source: str, meta: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading("Use")
    yield f"With the package {LIBRARY}, version {meta.get(LIBRARY)} or newer:"
    yield Code(
        "from ner_adv_plugin.commands.plugins import import_components\n"
        "from ner_adv_plugin.inference import Predictor\n\n"
        "import_components([])\n"
        f"predictor = Predictor.from_path({json.dumps(source)})\n"
        'print(predictor.predict_json({"sentence": "我在北京大学见到了王小明"}))',
        "python",
    )
    yield "From the command line, for a file with a sentence a line:"
    yield Code(f"allennlp predict {source} INPUT.txt", "bash")
    yield "In a pipeline of spaCy:"
    yield Code(
        f'import spacy\n\nnlp = spacy.blank("zh")\n'
        f'nlp.add_pipe("ner_adv", config={{"archive": {json.dumps(source)}}})',
        "python",
    )


def _scores(scores: Sequence[HeadScores]) -> Iterator[Block]:
    yield Heading("Scores")
    if not scores:
        yield "No test scores are known."
        return

    rows = []
    for own in scores:
        interval = own.interval
        shown = "" if interval is None else f"{_percent(interval[0])} to {_percent(interval[1])}"
        values = [_percent(value) for value in (own.precision, own.recall, own.f1)]
        sentences = "" if own.sentences is None else f"{own.sentences:,}"
        rows.append([own.head, ", ".join(own.datasets), sentences, *values, shown])
    header = [
        "head",
        "test corpus",
        "sentences",
        "precision",
        "recall",
        "F1",
        "95 % interval of F1",
    ]
    yield Table(header, rows)
    yield "Strict scores in per cent: start, end and type of an entity must be right."
    if any(own.interval is not None for own in scores):
        yield (
            "The interval of F1 is a BCa bootstrap over test sentences. It says how far F1 may "
            "differ on other sentences of this kind, not with another seed."
        )


def _percent(value: float) -> str:
    return "-" if isnan(value) else f"{100 * value:.1f}"


def _data(facts: Facts) -> Iterator[Block]:
    yield Heading("Data")
    if facts.audit is None:
        spaces = facts.archive.model.vocab.datasets
        yield f"Trained on {', '.join(spaces)}. The corpora were not audited: {facts.missing}."
        return

    rows = [
        [name, split, *_numbers(summary)]
        for name, splits in facts.audit.summaries.items()
        for split, summary in splits.items()
    ]
    header = ["corpus", "split", "known as", "sentences", "characters", "entities or words"]
    yield Table([*header, "duplicates", "illegal tags", "fingerprint"], rows)
    yield Items(list(_overlaps(facts.audit)))


def _numbers(summary: SplitSummary) -> list[str]:
    spans = summary.entities["total"] if summary.entities is not None else summary.words
    return [
        summary.known_as or "",
        f"{summary.sentences:,}",
        f"{summary.characters:,}",
        "unlabelled" if spans is None else f"{spans:,}",
        f"{summary.duplicates:,}",
        f"{summary.illegal_transitions:,}",
        summary.fingerprint[:12],
    ]


def _overlaps(audited: Audit) -> Iterator[str]:
    for name, number in audited.overlaps.leaked_sentences.items():
        yield (
            f"{number:,} training sentences of {name} equal or contain a validation or test "
            "sentence; data_loader.leakage in the config says what training did with them."
        )
    for head, splits in audited.contradictions.items():
        for split, found in splits.items():
            if found.sentences:
                yield f"{found.sentences:,} {split} sentences of {head} are contradict one another."


def _config(facts: Facts) -> Iterator[Block]:
    config = {key: value for key, value in facts.archive.config.items() if key not in _LOCAL}
    yield Heading("Config")
    yield Code(json.dumps(_without_folders(config), ensure_ascii=False, indent=2), "json")
    shown = ("ner_adv_plugin", "torch", "transformers", "python")
    versions = [f"{name} {facts.meta[name]}" for name in shown if name in facts.meta]
    yield f"Trained with {', '.join(versions)}."


def _without_folders(value: Any) -> Any:
    """Replace paths of folders on this machine by the names of the files."""
    if isinstance(value, Mapping):
        return {key: _without_folders(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_without_folders(own) for own in value]
    if isinstance(value, str) and not is_url(value) and (is_path(value) or Path(value).is_dir()):
        return Path(value).name
    return value
