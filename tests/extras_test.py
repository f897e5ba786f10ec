"""What needs an optional package says so before it starts work, with the command to install it."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.extras import INSTALL, require_extra
from tests.core_install import (
    core_distributions,
    hidden_modules,
    imported_modules,
    normalised,
    write_sitecustomize,
)
from tests.tiny import ROOT, single_task_config, tiny_config, write_config

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def core(tmp_path: Path) -> Run:
    """A function that runs `allennlp` with arguments in the environment of the core install."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        hiding = write_sitecustomize(tmp_path / "hiding")
        return subprocess.run(
            [sys.executable, "-m", "ner_adv_plugin", *arguments],
            cwd=tmp_path,
            env=os.environ
            | {"PYTHONPATH": os.pathsep.join([str(hiding), str(ROOT)]), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )

    return run


def _simplified() -> dict[str, Any]:
    config = single_task_config()
    config["dataset_reader"]["normalisers"] = ["simplified"]
    return config


NEEDY = {
    "opencc": (_simplified, 'normaliser "simplified"', "opencc"),
    "wandb": (
        lambda: tiny_config(trainer__callbacks=["wandb"]),
        'callback "wandb"',
        "wandb",
    ),
    "ahocorasick": (
        lambda: tiny_config(
            model__encoder={
                "type": "lexicon",
                "encoder": {"type": "character_embedding"},
                "words": [str(ROOT / "fixtures/data/lexicon/words.txt")],
            }
        ),
        'encoder "lexicon"',
        '"ner_adv_plugin[lexicon]"',
    ),
    "torchjd": (
        lambda: tiny_config(trainer__step="aggregated"),
        'step "aggregated"',
        '"ner_adv_plugin[torchjd]"',
    ),
}


@pytest.mark.parametrize("module", NEEDY)
def test_a_config_that_needs_an_extra_stops_at_once(module: str, core: Run, tmp_path: Path) -> None:
    config, user, package = NEEDY[module]
    path = write_config(tmp_path / "config.json", config())
    done = core("train", path, "-s", str(tmp_path / "run"))
    assert done.returncode == 2
    assert f"{user} needs a package that is not installed: pip install {package}\n" in done.stderr
    assert done.stdout == "" and not (tmp_path / "run").exists()
    # The check alone tells it, too.
    assert core("train", path, "--dry-run").stderr == done.stderr


def test_verification_needs_seqeval_before_it_scores(
    monkeypatch: pytest.MonkeyPatch, tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from ner_adv_plugin.commands import main

    monkeypatch.setitem(sys.modules, "seqeval", None)
    corpus = ROOT / "fixtures" / "data" / "weibo" / "weiboNER_2nd_conll.test"
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", str(tiny_run / "model.tar.gz"), str(corpus), "--verify"])
    found = capsys.readouterr()
    assert stopped.value.code == 2 and found.out == ""
    assert "--verify needs a package that is not installed: pip install seqeval" in found.err


def test_serving_needs_its_extra_before_it_loads(core: Run, tmp_path: Path) -> None:
    done = core("serve", str(tmp_path / "nothing"))
    assert done.returncode == 2 and done.stdout == ""
    package = '"ner_adv_plugin[serve]"'
    needs = f"allennlp serve needs a package that is not installed: pip install {package}\n"
    assert done.stderr == f"error: {needs}"


def test_the_core_install_has_no_extras() -> None:
    hidden, core = hidden_modules(), core_distributions()
    assert {"pytest", "hypothesis"} <= hidden
    assert {"torch", "seqeval", "matplotlib", "tensorboard", "tqdm"} <= core
    assert not {"torch", "seqeval", "transformers", "packaging", "tqdm"} & hidden
    installed = {name for name in NEEDY if _is_installed(name)}
    assert installed <= hidden


def _is_installed(module: str) -> bool:
    return module in metadata.packages_distributions()


# Rooms that are imported only after `require_extra` found these packages.
ROOMS = {"serving": {"fastapi", "starlette", "uvicorn", "prometheus_client"}}


def test_only_core_packages_are_imported_otherwise() -> None:
    optional = set(INSTALL) - core_distributions()
    outside = [
        f"{path.relative_to(ROOT)}: {module}"
        for path, module in imported_modules(ROOT / "ner_adv_plugin")
        if module in hidden_modules() | optional | {"seqeval"}
        and module not in ROOMS.get(path.relative_to(ROOT / "ner_adv_plugin").parts[0], ())
    ]
    assert outside == []


def test_what_is_to_be_installed_is_an_extra() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (optional,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "OPTIONAL"
    )
    extras = set()
    for module, install in INSTALL.items():
        own, _, extra = install.strip('"]').partition("[")
        assert normalised(own) == ("ner-adv-plugin" if extra else module)
        extras.add(extra or module)
    assert set(optional) == extras - {"seqeval"} and "seqeval" in core_distributions()


def test_a_package_that_is_broken_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb.py").write_text("import nothing_of_this_name\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "wandb", raising=False)
    with pytest.raises(UserError, match="needs wandb, which cannot be imported .*nothing_of_this"):
        require_extra("wandb", 'callback "wandb"')


def test_the_module_is_returned() -> None:
    assert require_extra("seqeval.metrics", "--verify").f1_score
