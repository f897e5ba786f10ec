"""The notebook of the documentation, run from beginning to end."""

import shutil
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.tiny import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial" / "python.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each cell of code shows, in the formats that a notebook can choose from."""
    folder = tmp_path_factory.mktemp("notebook")
    shutil.copytree(ROOT / "fixtures", folder / "fixtures")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [dict(cell.outputs[-1].data) if cell.outputs else {} for cell in cells]


@pytest.mark.slow
def test_every_cell_runs_and_shows_its_result(outputs: list[dict[str, Any]]) -> None:
    imports, corpus, result, answers, scores, entities = outputs
    assert imports == {}
    assert corpus["text/plain"].startswith("Corpus of 100 sentences")
    for shown in (corpus, answers):
        assert "<mark" in shown["text/html"]
    assert "best_validation_weibo_f1" in result["text/html"]
    assert "<table>" in scores["text/html"] and "f1" in scores["text/html"]
    assert "'北京'" in entities["text/plain"]


def test_no_output_is_kept_in_the_file() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None
