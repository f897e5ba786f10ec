"""Pictures of known scores."""

import matplotlib
import numpy as np
import pytest
import torch

from ner_adv_plugin.modules.crf import ConditionalRandomField
from ner_adv_plugin.training.callbacks.transition_pictures import (
    draw,
    transition_pictures,
    transition_scores,
)
from tests.tiny import model_and_loader, tiny_config


@pytest.fixture
def crf() -> ConditionalRandomField:
    made = ConditionalRandomField(
        2,
        allowed_starts=torch.tensor([True, False]),
        allowed_transitions=torch.tensor([[True, True], [False, True]]),
    )
    with torch.no_grad():
        made.start_transitions.copy_(torch.tensor([1.0, 2.0]))
        made.transitions.copy_(torch.tensor([[3.0, -4.0], [5.0, 6.0]]))
        made.end_transitions.copy_(torch.tensor([-7.0, 8.0]))
    return made


def test_the_start_is_the_first_row_and_the_end_the_last_column(
    crf: ConditionalRandomField,
) -> None:
    scores, forbidden = transition_scores(crf)
    np.testing.assert_array_equal(scores, [[1, 2, np.nan], [3, -4, -7], [5, 6, 8]])
    assert forbidden.tolist() == [[False, True, False], [False, False, False], [True, False, False]]


def test_scores_of_the_library_are_all_allowed() -> None:
    from torchcrf import CRF

    library = CRF(3)
    scores, forbidden = transition_scores(library)
    np.testing.assert_array_equal(scores[1:, :-1], library.transitions.detach().numpy())
    assert not forbidden.any() and np.isnan(scores[0, -1])


def pixels_of(picture: np.ndarray, score: float, limit: float) -> np.ndarray:
    """Return the pixels of a picture that show a score: (N, 2), row and column."""
    share = (score + limit) / (2 * limit)
    colour = np.array(matplotlib.colormaps["RdBu_r"](share, bytes=True)[:3])
    return np.argwhere((picture == colour).all(-1))


def test_cells_of_a_picture(crf: ConditionalRandomField) -> None:
    scores, forbidden = transition_scores(crf)
    picture = draw("title", ["A", "B"], scores, forbidden)
    assert picture.dtype == np.uint8 and picture.ndim == 3 and picture.shape[2] == 3
    down: dict[int, list[float]] = {}
    right: dict[int, list[float]] = {}
    for row, column in np.argwhere(~forbidden & ~np.isnan(scores)):
        pixels = pixels_of(picture, scores[row, column], 8.0)
        assert len(pixels) > 200, "a cell is larger than a stripe of the colour bar"
        centre = np.median(pixels, axis=0)
        down.setdefault(row, []).append(centre[0])
        right.setdefault(column, []).append(centre[1])
    for centres in (down, right):
        assert all(max(cells) - min(cells) <= 2 for cells in centres.values())
        firsts = [centres[index][0] for index in range(3)]
        assert firsts[1] - firsts[0] > 10 and abs(firsts[2] - 2 * firsts[1] + firsts[0]) <= 2
    # The colours of forbidden transitions are in the colour bar only.
    assert len(pixels_of(picture, 2.0, 8.0)) < 200 and len(pixels_of(picture, 5.0, 8.0)) < 200


def test_more_labels_make_a_larger_picture() -> None:
    small, large = (
        draw("title", [f"B-{i}" for i in range(n)], np.eye(n + 1), np.zeros((n + 1, n + 1), bool))
        for n in (4, 17)
    )
    assert large.shape[0] - small.shape[0] == large.shape[1] - small.shape[1] == 13 * 30


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_scores_that_are_not_finite_can_be_drawn(value: float) -> None:
    assert draw("title", ["A"], np.full((2, 2), value), np.zeros((2, 2), bool)).any()


def test_heads_without_transitions_have_no_picture() -> None:
    heads = {"msra": {"type": "softmax"}, "msr": {"type": "pytorch_crf"}}
    pictures = transition_pictures(model_and_loader(tiny_config(model__heads=heads))[0])
    assert set(pictures) == {"transitions/weibo", "transitions/msr"}
    heads = {"weibo": {"type": "global_pointer"}, "msra": {"type": "biaffine"}}
    assert set(transition_pictures(model_and_loader(tiny_config(model__heads=heads))[0])) == {
        "transitions/msr"
    }
