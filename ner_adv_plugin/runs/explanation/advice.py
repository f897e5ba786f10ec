"""What to try next: rules over the metrics, the config and the vocabulary of a run."""

import json
import math
from collections.abc import Callable, Iterator

from ner_adv_plugin.runs.explanation.objectives import adversaries
from ner_adv_plugin.runs.explanation.record import FINISHED, RunRecord
from ner_adv_plugin.runs.explanation.words import number, percent

# New towers and heads at customary rates need about this many updates on a small corpus.
ENOUGH_UPDATES = 600
# A model overfits if the validation loss of its last epoch is this many times the lowest one, and
# above it by more than a loss that is nearly 0 varies.
RISEN, RISEN_BY = 1.2, 0.01
# Nothing is learnt if the last training loss is above this share of the first.
FLAT = 0.9
# A test score this far below that of validation is more than chance.
GAP = 0.1
# The target has too small a share of the sentences that are drawn.
SMALL_SHARE = 0.2
# Padding, special tokens and overlaps cost this much more than the characters.
PADDED = 1.5
# The limits of the grid of temperatures.
COLDEST, HOTTEST = 0.25, 8.0
# A lexicon is hardly used if the training texts have fewer of its words.
FEW_WORDS = 0.001

Rule = Callable[[RunRecord], Iterator[str]]


def advice(run: RunRecord) -> Iterator[str]:
    """Yield what to try next, the most important first: what was seen, then what to change.

    # Parameters

    run : what the folder of a run holds; at least one epoch must have ended.
    """
    if not run.epochs_done:
        return
    found = [line for rule in RULES for line in rule(run)]
    yield from found
    if not found and run.state == FINISHED:
        yield "Nothing stands out. `allennlp tune` looks for better values (how-to: Tune values)."


def updates(run: RunRecord) -> int:
    """Return the optimizer steps with the dataset that was in most of them."""
    counts = (run.metrics.get(f"total_{name}_updates", 0) for name in run.datasets)
    return max(counts, default=0)


def ran_out_of_patience(run: RunRecord) -> bool:
    """Return whether no epoch was better for as long as `trainer.patience` says."""
    patience, best = run.trainer.get("patience"), run.metrics.get("best_epoch")
    return patience is not None and best is not None and run.epochs_done - 1 - best >= patience


def _diverged(run: RunRecord) -> Iterator[str]:
    loss = run.metrics.get("training_loss")
    if isinstance(loss, float) and not math.isfinite(loss):
        yield (
            "The training loss is not a number: the learning rate is too high, or precision fp16"
            " overflows. Set trainer.grad_norm, lower the rates; `allennlp find-lr` looks for one."
        )


def _unused_data(run: RunRecord) -> Iterator[str]:
    for name in run.datasets:
        if run.metrics.get(f"total_{name}_updates") == 0:
            yield f"{name} was never drawn: change its weight in data_loader.sampler, or remove it."


def _dead_heads(run: RunRecord) -> Iterator[str]:
    for task in run.tasks:
        curve = run.curve(f"validation_{task}_f1")
        if curve and max(curve) == 0:
            yield (
                f"The head of {task} has found nothing that is right: F1 was 0 in all"
                f" {number(len(curve), 'epoch')}. Train longer, raise the learning rate of new"
                " parameters (`allennlp find-lr`), or try a tower that starts as the encoder's"
                " states: { type: 'residual', tower: {...} }."
            )


def _flat_loss(run: RunRecord) -> Iterator[str]:
    for task in run.tasks:
        curve = run.curve(f"training_{task}_loss")
        if len(curve) > 2 and curve[-1] > FLAT * curve[0]:
            yield (
                f"The training loss of {task} hardly falls ({curve[0]:.3f} to {curve[-1]:.3f}):"
                " look for a learning rate with `allennlp find-lr`."
            )


def _too_short(run: RunRecord) -> Iterator[str]:
    best, count = run.metrics.get("best_epoch"), updates(run)
    is_last = best is not None and best + 1 == run.epochs_done
    if run.state != FINISHED or not is_last or run.target is None:
        return
    target = [name for name, own in run.datasets.items() if own.get("head") == run.target]
    count = max((run.metrics.get(f"total_{name}_updates", 0) for name in target), default=0)
    if 0 < count < ENOUGH_UPDATES:
        yield (
            f"Too few updates: the last epoch is the best, and {run.target} was in {count:,}"
            f" updates, where new towers and heads need about {ENOUGH_UPDATES}. Raise"
            " trainer.num_epochs, halve the batch size, or raise the learning rate of all but the"
            " encoder to 5e-3."
        )
    else:
        yield "The last epoch is the best: more may help. Raise trainer.num_epochs."


def _overfitting(run: RunRecord) -> Iterator[str]:
    for task in run.tasks:
        training, validation = (
            run.curve(f"{split}_{task}_loss") for split in ("training", "validation")
        )
        if len(validation) < 3 or len(training) < 3:
            continue
        lowest = min(range(len(validation)), key=validation.__getitem__)
        limit = max(RISEN * validation[lowest], validation[lowest] + RISEN_BY)
        if validation[-1] > limit and training[-1] < training[lowest]:
            yield (
                f"{task} overfits: since epoch {lowest + 1} its validation loss has risen from"
                f" {validation[lowest]:.3f} to {validation[-1]:.3f}, while the training loss fell."
                " More dropout, trainer.l2_sp, augmentation (how-to: Augmentation), more annotated"
                " text (`allennlp select`), or trainer.patience to save time."
            )


def _small_share(run: RunRecord) -> Iterator[str]:
    drawn = {name: run.metrics.get(f"total_{name}_sentences", 0) for name in run.datasets}
    own = sum(n for name, n in drawn.items() if run.datasets[name].get("head") == run.target)
    total = sum(drawn.values())
    if run.target is not None and 0 < own < SMALL_SHARE * total:
        yield (
            f"Only {percent(own / total)} % of the sentences drawn are of {run.target}. Give it"
            " more with data_loader.sampler (`anchor`, `weights`), or train on it alone in a last"
            " stage (how-to: Train in stages)."
        )


def _lexicon(run: RunRecord) -> Iterator[str]:
    """Tell that the words of a lexicon are not in the training texts.

    In the file, a word has its frequency and its row; rows from 2 are embeddings of words that the
    training texts have, or that came with pretrained vectors.
    """
    path = run.vocabulary / "lexicon" / "words.jsonl"
    if not path.is_file():
        return
    words = used = 0
    with open(path, encoding="utf-8", errors="surrogatepass") as file:
        for line in file:
            words += 1
            used += json.loads(line)[2] >= 2
    if words and used < max(1, FEW_WORDS * words):
        yield (
            f"The lexicon is hardly used: {used:,} of its {number(words, 'word')} occur in the"
            " training texts. Are the lists for this domain, in the same characters (simplified,"
            " lower case) as the texts after their normalisers? (how-to: Lexicons)"
        )


def _boundaries(run: RunRecord) -> Iterator[str]:
    task = run.target
    f1, lenient = (
        run.metrics.get(f"best_validation_{task}_{key}", 0.0) for key in ("f1", "lenient_f1")
    )
    has_words = any(own.get("task") == "segmentation" for own in run.datasets.values())
    has_lexicon = (run.vocabulary / "lexicon").is_dir()
    if lenient - f1 > GAP and not has_lexicon and not has_words:
        yield (
            f"Boundaries of {task} are often wrong: a word list (how-to: Lexicons) or a second task"
            " of word segmentation tells where words end."
        )


def _gap(run: RunRecord) -> Iterator[str]:
    for task in run.tasks:
        test, validation = (
            run.metrics.get(f"{split}_{task}_f1") for split in ("test", "best_validation")
        )
        if test is not None and validation is not None and validation - test > GAP:
            yield (
                f"The test score of {task} is {percent(validation - test)} points below that of"
                " validation: is the text of another kind, or the validation set small?"
                " `allennlp audit` compares them."
            )


def _contradictions(run: RunRecord) -> Iterator[str]:
    for task in run.tasks:
        if run.metrics.get(f"contradicting_sentences_{task}"):
            yield f"{task} has contradicting labels: `allennlp audit` shows the first of them."


def _temperature(run: RunRecord) -> Iterator[str]:
    for task in run.tasks:
        found = run.metrics.get(f"{task}_temperature", 1.0)
        if math.isclose(found, COLDEST) or math.isclose(found, HOTTEST):
            yield (
                f"The temperature of {task} is at the limit of its grid: the validation set is too"
                " small to calibrate on."
            )


def _not_validated(run: RunRecord) -> Iterator[str]:
    if run.metrics.get("best_epoch") is not None and not any(
        key.startswith("best_validation_") for key in run.metrics
    ):
        yield "Nothing was validated: set validation_data_path to choose the best epoch."


def _tiny_encoder(run: RunRecord) -> Iterator[str]:
    encoder = run.model.get("encoder")
    name = encoder.get("model_name", "") if isinstance(encoder, dict) else ""
    if str(name).rstrip("/").endswith("fixtures/encoder"):
        yield (
            "The encoder is the tiny one for trying things out. For good scores name a pretrained"
            " one in model.encoder.model_name (how-to: Your own encoder)."
        )


def _padding(run: RunRecord) -> Iterator[str]:
    cost = run.metrics.get("training_positions_per_character")
    if cost is not None and cost > PADDED:
        yield (
            f"The encoder computes {cost:.1f} positions for each character: larger pools or"
            " `max_tokens` in data_loader.scheduler waste less."
        )


def _did_it_help(run: RunRecord) -> Iterator[str]:
    if run.state == FINISHED and run.planned is None and len(run.datasets) > 1:
        yield (
            "Whether the other corpora helped, one run does not tell: `allennlp compare` does"
            " (how-to: Did transfer help?)."
        )


# In the order in which they are told: what makes a run useless, what costs most, what is left.
RULES: tuple[Rule, ...] = (
    _diverged,
    _unused_data,
    _dead_heads,
    _flat_loss,
    _too_short,
    _overfitting,
    adversaries,
    _lexicon,
    _small_share,
    _boundaries,
    _gap,
    _contradictions,
    _temperature,
    _not_validated,
    _padding,
    _tiny_encoder,
    _did_it_help,
)
