"""Pictures of the transition scores of conditional random fields."""

from typing import Any

import numpy as np
from torch import Tensor

from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.heads import TaggingHead

INCHES_A_LABEL = 0.3
BESIDE, BELOW = 2.5, 1.7  # inches, for labels and the colour bar
DOTS_PER_INCH = 100


def transition_pictures(model: Model) -> dict[str, np.ndarray]:
    """A picture for every head that has transition scores, by `transitions/<head>`: (height, width, 3), bytes."""
    pictures = {}
    for module in model.modules():
        crf = getattr(module, "crf", None)
        if isinstance(module, TaggingHead) and hasattr(crf, "transitions"):
            scores, forbidden = transition_scores(crf)
            head = module.label_space.head
            pictures[f"transitions/{head}"] = draw(head, module.labels, scores, forbidden)
    return pictures


def transition_scores(crf: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a conditional random field's transitions, and which are forbidden.

    # Parameters

    crf : with `transitions` (T, T), `start_transitions` (T,) and `end_transitions` (T,), and where it forbids any
        `allowed_transitions`, `allowed_starts` and `allowed_ends`.

    # Returns

    Two arrays (T + 1, T + 1): a sentence for the start and each tag before, a column for each tag after and the end.
    """
    scores = _framed(crf.start_transitions, crf.transitions, crf.end_transitions)
    if not hasattr(crf, "allowed_transitions"):
        return scores, np.zeros(scores.shape, dtype=bool)
    return scores, _framed(crf.allowed_starts, crf.allowed_transitions, crf.allowed_ends) == 0


def _framed(starts_T: Tensor, moves_TT: Tensor, ends_T: Tensor) -> np.ndarray:
    size = len(starts_T) + 1
    # A sentence has a character at least: nothing leads from the start to the end.
    frame = np.full((size, size), np.nan)
    frame[0, :-1], frame[1:, :-1], frame[1:, -1] = (
        p.detach().cpu().numpy() for p in (starts_T, moves_TT, ends_T)
    )
    return frame


def draw(title: str, labels: list[str], scores: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """Draw what `transition_scores` gives: blue below 0, red above, a cross where forbidden."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = INCHES_A_LABEL * len(scores)
    figure = Figure(figsize=(size + BESIDE, size + BELOW), dpi=DOTS_PER_INCH, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(
        title=title, xlabel="tag after", ylabel="tag before", facecolor="0.92"
    )
    shown = np.ma.masked_where(forbidden | ~np.isfinite(scores), scores)
    limit = float(np.abs(shown.compressed()).max(initial=0.0)) or 1.0
    image = axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit)
    sentences, columns = np.nonzero(forbidden)
    axes.scatter(columns, sentences, marker="x", s=16, linewidths=0.8, color="grey")
    axes.set_xticks(range(len(scores)), [*labels, "end"], rotation=90)
    axes.set_yticks(range(len(scores)), ["start", *labels])
    figure.colorbar(image, label="score (x: forbidden)", shrink=0.9)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
