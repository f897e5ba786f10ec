import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ner_adv_plugin.evaluation.calibration import draw_reliability, reliability

predictions = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30)


def bin_of(score: float, bins: int) -> int:
    """Return the bin of a score; the last bin includes 1."""
    return next(i for i in range(bins) if score * bins < i + 1 or i == bins - 1)


@given(predictions, st.integers(1, 12))
def test_bins_equal_a_loop(found: list[tuple[float, bool]], bins: int) -> None:
    scores, correct = (np.array([pair[i] for pair in found]) for i in range(2))
    curve = reliability(scores, correct.astype(bool), bins)
    ece = 0.0
    for i in range(bins):
        own = [pair for pair in found if bin_of(pair[0], bins) == i]
        assert curve.counts_K[i] == len(own)
        if not own:
            assert np.isnan(curve.scores_K[i]) and np.isnan(curve.precision_K[i])
            continue
        score = sum(score for score, _ in own) / len(own)
        precision = sum(right for _, right in own) / len(own)
        assert curve.scores_K[i] == pytest.approx(score) and curve.precision_K[i] == pytest.approx(
            precision
        )
        ece += len(own) / len(found) * abs(score - precision)
    assert curve.ece == pytest.approx(ece, abs=1e-12)


def test_ece_by_hand() -> None:
    assert reliability(
        np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, True, False])
    ).ece == pytest.approx(0.15)
    assert reliability(np.array([1.0, 0.0]), np.array([True, False])).ece == 0.0
    assert reliability(np.zeros(0), np.zeros(0, dtype=bool)).ece == 0.0


@pytest.mark.parametrize("name", ["curve.png", "curve.svg", "curve"])
def test_an_image_is_written(tmp_path: Path, name: str) -> None:
    some = reliability(np.array([0.2, 0.7, 0.9]), np.array([False, True, True]))
    none = reliability(np.zeros(0), np.zeros(0, dtype=bool))
    draw_reliability({"weibo": some, "msra": none}, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    if name.endswith("svg"):
        assert ElementTree.fromstring(content).tag == "{http://www.w3.org/2000/svg}svg"
    else:
        picture = Image.open(io.BytesIO(content))
        assert picture.format == "PNG" and len(picture.convert("L").getcolors() or []) > 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
