"""`allennlp export`."""

from pathlib import Path

from ner_adv_plugin.runtime import Predictor
from tests.commands.conftest import Run


def test_writes_one_head(run: Run, tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("export", tiny_run / "model.tar.gz", out, "--head", "msra")
    assert done.status == 0 and done.out.startswith(f"{out}: head msra, fp32, ")
    assert Predictor(out).head == "msra"
    # By default the head of validation_metric; replaced by force only.
    refused = run("export", tiny_run / "model.tar.gz", out)
    assert refused.status == 2 and "out exists" in refused.err
    done = run("export", tiny_run / "model.tar.gz", out, "--quantize", "int8", "--force")
    assert done.out.startswith(f"{out}: head weibo, int8, ") and "Warning" not in done.err
    assert Predictor(out).settings.precision == "int8"


def test_an_unknown_head_and_a_missing_archive(run: Run, tiny_run: Path, tmp_path: Path) -> None:
    done = run("export", tiny_run, tmp_path / "out", "--head", "wiebo")
    assert done.status == 2 and 'has no head "wiebo"; its heads: weibo, msra, msr' in done.err
    assert run("export", tmp_path / "none.tar.gz", tmp_path / "out").status == 2
    assert not (tmp_path / "out").exists()
