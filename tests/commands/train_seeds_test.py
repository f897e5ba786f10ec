"""`allennlp train`: seeds by flag, environment variable and config."""

import json
from pathlib import Path

import pytest
import torch

from tests.commands.conftest import Run
from tests.commands.small_run import small
from tests.tiny import assert_same_weights, weights, write_config


def seeds_of(folder: str) -> list[int | None]:
    saved = json.loads(Path(folder, "config.json").read_text())
    return [saved.get(key) for key in ("random_seed", "numpy_seed", "pytorch_seed")]


def test_seeds_of_any_config(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_config(tmp_path / "seeded.json", small(numpy_seed=4))
    monkeypatch.delenv("NER_SEED", raising=False)
    assert run("train", config, "-s", "plain").status == 0
    assert seeds_of("plain") == [None, 4, None]
    assert run("train", config, "-s", "flag", "--seed", "5").status == 0
    assert seeds_of("flag") == [5, 5, 5]
    monkeypatch.setenv("NER_SEED", "5")
    assert run("train", config, "-s", "variable").status == 0
    assert seeds_of("variable") == [5, 5, 5]
    monkeypatch.setenv("NER_SEED", "6")
    assert run("train", config, "-s", "both", "--seed", "5").status == 0
    assert seeds_of("both") == [5, 5, 5]
    overrides = '{random_seed: 7, pytorch_seed: std.parseInt(std.extVar("NER_SEED")) + 1}'
    assert run("train", config, "-s", "overrides", "-o", overrides).status == 0
    assert seeds_of("overrides") == [7, 6, 7]
    assert_same_weights(Path("flag/best.th"), Path("variable/best.th"))
    assert_same_weights(Path("flag/best.th"), Path("both/best.th"))
    plain, flag = weights(Path("plain/best.th")), weights(Path("flag/best.th"))
    assert any(not torch.equal(plain[name], flag[name]) for name in plain)
    result = run("train", config, "-s", "flag", "--recover")
    assert result.status == 2
    assert "error: random_seed: --recover: the run started with 5, but the config now has 6" in (
        result.err
    )


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "4294967296"])
def test_seeds_that_are_none(
    run: Run, config: str, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("NER_SEED", text)
    result = run("train", config, "-s", "run")
    expected = f'expected a number from 0 to 4294967295, found "{text}"'
    assert (result.status, result.err) == (2, f"error: NER_SEED: {expected}\n")
    monkeypatch.setenv("NER_SEED", "")
    assert run("train", config, "-s", "run").status == 0
    if text in ("-1", "4294967296"):
        result = run("train", config, "-s", "other", f"--seed={text}")
        assert (result.status, result.err) == (2, f"error: --seed: {expected}\n")


def test_the_seed_of_a_recipe_follows_the_flag(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NER_SEED", raising=False)
    recipe = root / "training_configs" / "single.jsonnet"
    for flags, seed in (([], 13370), (["--seed", "3"], 3)):
        filled = json.loads(run("train", recipe, "--dry-run", *flags).out)
        assert [filled[key] for key in ("random_seed", "numpy_seed", "pytorch_seed")] == [seed] * 3
