"""`allennlp recipes`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ner_adv_plugin.commands import recipes as command
from ner_adv_plugin.common.params import default_variables, load_config
from tests.commands.conftest import Run
from tests.tiny import ROOT

HEAVY = {"torch", "tango", "transformers", "accelerate", "allennlp_light", "numpy", "_jsonnet"}


def files_below(folder: Path) -> dict[str, bytes]:
    """The content of each file, by its path from the folder."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not set(command.LEFT_OUT) & set(file.parts)
    }


def test_lists_every_recipe_with_its_first_comment_line(run: Run) -> None:
    result = run("recipes")
    assert (result.status, result.err) == (0, "")
    listed = dict(line.split(maxsplit=1) for line in result.out.splitlines())

    folder = ROOT / "training_configs"
    assert set(listed) == {
        str(file.relative_to(folder)).removesuffix(".jsonnet") for file in folder.rglob("*.jsonnet")
    }
    assert list(listed)[0] == "adv"
    for name, summary in listed.items():
        assert (folder / f"{name}.jsonnet").read_text("utf-8").startswith(f"// {summary}\n")


def test_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ner_adv_plugin", "recipes"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    imported = {line.rsplit("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "shutil" in imported and not imported & HEAVY


def test_prints_one_recipe(run: Run) -> None:
    result = run("recipes", "real/weibo_single")
    file = ROOT / "training_configs" / "real" / "weibo_single.jsonnet"
    assert (result.status, result.out) == (0, file.read_text("utf-8"))


def test_an_unknown_recipe_names_the_nearest(run: Run) -> None:
    result = run("recipes", "weibo_single")
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        'error: no recipe "weibo_single". Did you mean "real/weibo_single"? '
        "`allennlp recipes` lists all.\n"
    )


def test_copies_recipes_that_read_the_copied_fixtures(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("recipes", "--copy", ".")
    assert (result.status, result.out, result.err) == (
        0,
        "training_configs\nfixtures\nstudies\n",
        "",
    )
    assert sorted(os.listdir(tmp_path)) == ["fixtures", "studies", "training_configs"]
    for name in command.FOLDERS:
        assert files_below(tmp_path / name) == files_below(ROOT / name)

    for name in default_variables():
        monkeypatch.delenv(name, raising=False)
    paths = load_config("training_configs/adv.jsonnet")["train_data_path"]
    assert Path(paths["weibo"]).is_file() and Path(paths["weibo"]).parts[:2] == ("fixtures", "data")


def test_makes_the_folder_it_copies_to(run: Run, tmp_path: Path) -> None:
    result = run("recipes", "--copy", "new/project")
    assert result.status == 0, result.err
    assert result.out == "".join(f"new/project/{name}\n" for name in command.FOLDERS)
    assert (tmp_path / "new" / "project" / "training_configs" / "adv.jsonnet").is_file()


def test_replaces_files_only_if_forced(run: Run, tmp_path: Path) -> None:
    changed = tmp_path / "fixtures" / "README.md"
    own = tmp_path / "fixtures" / "own.txt"
    changed.parent.mkdir()
    changed.write_text("changed")
    own.write_text("own")

    result = run("recipes", "--copy", ".")
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        "error: fixtures exists: --force replaces its files that have the same name\n"
    )
    assert not (tmp_path / "training_configs").exists() and changed.read_text() == "changed"

    result = run("recipes", "--copy", ".", "--force")
    assert (result.status, result.out) == (0, "training_configs\nfixtures\nstudies\n")
    assert changed.read_bytes() == (ROOT / "fixtures" / "README.md").read_bytes()
    assert own.read_text() == "own"


@pytest.mark.parametrize("target", [".", "fixtures/data"])
def test_does_not_copy_recipes_into_themselves(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    for name in command.FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "ner_adv_plugin").mkdir()
    monkeypatch.setattr(command, "PACKAGE", tmp_path / "ner_adv_plugin")
    before = files_below(tmp_path)

    result = run("recipes", "--copy", target, "--force")
    assert result.status == 2 and result.err.endswith(" is where the recipes are copied from\n")
    assert files_below(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--force",), "--force needs --copy"),
        (("adv", "--copy", "."), '--copy copies all recipes: leave out "adv"'),
    ],
)
def test_flags_that_do_not_go_together(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run("recipes", *arguments)
    assert (result.status, result.out, result.err) == (2, "", f"error: {message}\n")
    assert not os.listdir(tmp_path)


def test_a_package_without_recipes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PACKAGE", tmp_path / "ner_adv_plugin")
    result = run("recipes")
    assert result.status == 2 and "was installed without its recipes" in result.err
