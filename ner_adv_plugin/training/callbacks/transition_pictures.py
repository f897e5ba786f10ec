"""Pictures of the transition scores of CRFs.

Shape suffix: T tags.
"""

from typing import Any

import numpy as np
from torch import Tensor

from ner_adv_plugin.models import Model
from ner_adv_plugin.modules.heads import TaggingHead

INCHES_PER_LABEL = 0.3
# Inches for the labels and the colour bar.
EXTRA_WIDTH = 2.5
EXTRA_HEIGHT = 1.7
DOTS_PER_INCH = 100


def transition_pictures(model: Model) -> dict[str, np.ndarray]:
    """Draw the transition scores of every head that has a CRF.

    # Parameters

    model : model with heads.

    # Returns

    Pictures by `transitions/<head>`, (height, width, 3), uint8.
    """
    pictures = {}
    for module in model.modules():
        crf = getattr(module, "crf", None)
        if isinstance(module, TaggingHead) and hasattr(crf, "transitions"):
            scores, forbidden = transition_scores(crf)
            head = module.label_space.head
            pictures[f"transitions/{head}"] = draw(head, module.labels, scores, forbidden)
    return pictures


def transition_scores(crf: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the transition scores of a CRF and a mask of forbidden transitions.

    # Parameters

    crf : module with `transitions` (T, T), `start_transitions` (T,) and `end_transitions` (T,);
        if it forbids transitions, also `allowed_transitions`, `allowed_starts` and `allowed_ends`
        of the same shapes.

    # Returns

    Scores and mask, (T + 1, T + 1): a row for the start and each previous tag, a column for each
    next tag and the end. The score from start to end is NaN.
    """
    scores = _framed(crf.start_transitions, crf.transitions, crf.end_transitions)
    if not hasattr(crf, "allowed_transitions"):
        return scores, np.zeros(scores.shape, dtype=bool)
    return scores, _framed(crf.allowed_starts, crf.allowed_transitions, crf.allowed_ends) == 0


def _framed(starts_T: Tensor, transitions_TT: Tensor, ends_T: Tensor) -> np.ndarray:
    size = len(starts_T) + 1
    # A sentence has at least one character: no transition leads from start to end.
    frame = np.full((size, size), np.nan)

    frame[0, :-1] = starts_T.detach().cpu().numpy()
    frame[1:, :-1] = transitions_TT.detach().cpu().numpy()
    frame[1:, -1] = ends_T.detach().cpu().numpy()
    return frame


def draw(title: str, labels: list[str], scores: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """Draw the result of `transition_scores` as a heat map.

    Negative scores are blue, positive ones red; a cross marks a forbidden transition.

    # Parameters

    title : title of the picture.
    labels : labels of the T tags.
    scores, forbidden : see `transition_scores`.

    # Returns

    The picture, (height, width, 3), uint8.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = INCHES_PER_LABEL * len(scores)
    figure = Figure(
        figsize=(size + EXTRA_WIDTH, size + EXTRA_HEIGHT), dpi=DOTS_PER_INCH, layout="constrained"
    )
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(
        title=title, xlabel="next tag", ylabel="previous tag", facecolor="0.92"
    )

    shown = np.ma.masked_where(forbidden | ~np.isfinite(scores), scores)
    limit = float(np.abs(shown.compressed()).max(initial=0.0)) or 1.0
    image = axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit)
    rows, columns = np.nonzero(forbidden)
    axes.scatter(columns, rows, marker="x", s=16, linewidths=0.8, color="grey")

    axes.set_xticks(range(len(scores)), [*labels, "end"], rotation=90)
    axes.set_yticks(range(len(scores)), ["start", *labels])
    figure.colorbar(image, label="score (x: forbidden)", shrink=0.9)

    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
