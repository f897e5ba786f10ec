"""Prediction without torch: input, damaged exports, and processes without torch."""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.exporting import export_archive
from ner_adv_plugin.runtime import Predictor
from tests.conftest import made_once
from tests.tiny import ROOT

TEXTS = ["魏勇在深圳", "", "去北京", "王明的妈妈"]
# What an environment with the extra "runtime" alone has.
RUNTIME = ("onnxruntime", "numpy", "tokenizers")
BLOCKED = """
import sys

class Blocking:
    def find_spec(self, name, path=None, target=None):
        known = {known!r}
        if name.partition(".")[0] not in sys.stdlib_module_names | known:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocking())
"""
PREDICT = """
import json, sys
from ner_adv_plugin.runtime import Predictor

answers = Predictor(sys.argv[1], n_best=2).predict(json.loads(sys.argv[2]))
assert not {"torch", "transformers", "tango", "allennlp_light"} & set(sys.modules)
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def export(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with character embeddings; read-only."""

    def make(folder: Path) -> None:
        export_archive(load_archive(tiny_run), folder, "weibo")

    return made_once(tmp_path_factory, "export_of_characters", make)


@pytest.fixture(scope="module")
def subword_export(transformer_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with a transformer; read-only."""

    def make(folder: Path) -> None:
        export_archive(load_archive(transformer_archive), folder)

    return made_once(tmp_path_factory, "export_of_subwords", make)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("魏勇", "texts: expected a list of strings, found a string: predict([text])"),
        (7, "texts: expected a list of strings, found int"),
        (["魏勇", b"bytes"], "texts[1]: expected a string, found bytes"),
        ([None], "texts[0]: expected a string, found NoneType"),
    ],
)
def test_bad_input_is_named(export: Path, texts: Any, message: str) -> None:
    with pytest.raises(UserError) as error:
        Predictor(export).predict(texts)
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["n_best", "batch_size", "threads"])
def test_settings_are_positive(export: Path, name: str) -> None:
    settings: dict[str, Any] = {name: 0}
    with pytest.raises(UserError, match=f"{name}: expected 1 or more, found 0"):
        Predictor(export, **settings)


def test_readings_that_do_not_fit_into_memory_are_refused(export: Path) -> None:
    with pytest.raises(UserError, match=r"n_best 1000000000 on 5 characters takes about"):
        Predictor(export, n_best=10**9).predict(TEXTS)


def test_nothing_and_an_iterator(export: Path) -> None:
    predictor = Predictor(export)
    assert predictor.predict([]) == []
    assert predictor.predict([""]) == [{"sentence": "", "tags": [], "entities": []}]
    assert predictor.predict(iter(TEXTS)) == predictor.predict(TEXTS)


def test_an_answer_does_not_depend_on_the_batch(subword_export: Path) -> None:
    predictor = Predictor(subword_export)
    together = predictor.predict(TEXTS * 30)
    alone = [predictor.predict([text])[0]["tags"] for text in TEXTS]
    assert [answer["tags"] for answer in together] == alone * 30
    one_by_one = Predictor(subword_export, batch_size=1, threads=1).predict(TEXTS)
    assert [answer["tags"] for answer in one_by_one] == alone


def test_threads_share_a_predictor(subword_export: Path) -> None:
    predictor = Predictor(subword_export, threads=1)
    expected = predictor.predict(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for answers in pool.map(lambda _: predictor.predict(TEXTS), range(12)):
            assert answers == expected


def test_a_folder_that_is_no_export(export: Path, tiny_run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match='no folder ".*other", expected one written by'):
        Predictor(tmp_path / "other")
    with pytest.raises(UserError, match="expected a folder written by .* It is a run: allennlp ex"):
        Predictor(tiny_run)
    with pytest.raises(UserError, match="It is a file"):
        Predictor(export / "head.onnx")


def _changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


def _settings(**values: Any) -> Callable[[bytes], bytes]:
    def change(content: bytes) -> bytes:
        settings = json.loads(content) | values
        return json.dumps({k: v for k, v in settings.items() if v != "left out"}).encode()

    return change


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "truncated graph": (
        _changed("head.onnx", lambda content: content[:-9]),
        "head.onnx is not the file that belongs to this model: expected SHA-256",
    ),
    "missing graph": (
        lambda folder: (folder / "encoder.onnx").unlink(),
        "encoder.onnx is missing",
    ),
    "other file": (
        lambda folder: (folder / "more.bin").write_bytes(b"1"),
        "more.bin does not belong to this model",
    ),
    "no JSON": (_changed("runtime.json", lambda _: b"{"), "runtime.json is not valid"),
    "a list": (_changed("runtime.json", lambda _: b"[]"), "expected an object, found list"),
    "future format": (
        _changed("runtime.json", _settings(format=9)),
        "runtime.json has format 9, version .* reads 1",
    ),
    "no decoder": (
        _changed("runtime.json", _settings(decoder="left out")),
        "runtime.json is not valid: .*decoder",
    ),
    "wrong decoder": (
        _changed("runtime.json", _settings(decoder={"scheme": "BIO"})),
        "runtime.json is not valid: .*temperature",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(damage: str, export: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(export, folder)
    change, message = DAMAGES[damage]
    change(folder)
    with pytest.raises(UserError, match=message):
        Predictor(folder)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("head.onnx", "head.onnx is not a graph that onnxruntime reads"),
        ("transitions.npz", "transitions.npz is not valid"),
        ("characters.txt", "characters.txt is not valid"),
        ("tokenizer.json", "tokenizer.json is not a tokenizer"),
    ],
)
def test_a_file_that_is_wrong_though_it_is_recorded(
    name: str, message: str, export: Path, subword_export: Path, tmp_path: Path
) -> None:
    from ner_adv_plugin.runtime.files import digests_of

    folder = tmp_path / "crafted"
    shutil.copytree(subword_export if name == "tokenizer.json" else export, folder)
    (folder / name).write_bytes(b"\x00no\xff")
    change = _settings(digests=digests_of(folder))
    (folder / "runtime.json").write_bytes(change((folder / "runtime.json").read_bytes()))
    with pytest.raises(UserError, match=message):
        Predictor(folder)


def test_a_missing_package_is_named(export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r'pip install "ner_adv_plugin\[runtime\]"'):
        Predictor(export)


@pytest.mark.parametrize("encoder", ["characters", "subwords"])
def test_a_process_that_can_import_nothing_else(
    encoder: str, export: Path, subword_export: Path, tmp_path: Path
) -> None:
    folder = export if encoder == "characters" else subword_export
    known = {
        module
        for module, names in metadata.packages_distributions().items()
        if {name.lower() for name in names} & _with_dependencies(RUNTIME)
    }
    script = tmp_path / "predict.py"
    blocked = BLOCKED.format(known=known | {"ner_adv_plugin", "sitecustomize"})
    script.write_text(blocked + PREDICT, encoding="utf-8")
    done = _run([sys.executable, str(script)], folder, {"PYTHONPATH": str(ROOT)})
    assert _comparable(json.loads(done)) == _comparable(
        json.loads(json.dumps(Predictor(folder, n_best=2).predict(TEXTS)))
    )


def _with_dependencies(names: tuple[str, ...]) -> set[str]:
    """The names of distributions that come with some, in lower case."""
    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = [*names]
    while waiting:
        name = waiting.pop().lower()
        if name not in found:
            found.add(name)
            needs = [Requirement(text) for text in metadata.requires(name) or []]
            waiting += [
                need.name
                for need in needs
                # The client of the hub is only for tokenizers of the hub.
                if (need.marker is None or need.marker.evaluate({"extra": ""}))
                and need.name != "huggingface-hub"
            ]
    return found


def _comparable(answers: list[dict[str, Any]]) -> list[Any]:
    return [(a["sentence"], a["tags"], [b["tags"] for b in a["n_best"]]) for a in answers]


def _run(command: list[str], folder: Path, variables: dict[str, str]) -> str:
    environment = {**os.environ, **variables, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(folder), json.dumps(TEXTS)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_fresh_environment(subword_export: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    wanted = [f"{name}=={metadata.version(name)}" for name in RUNTIME]
    installed = subprocess.run(
        [python, "-m", "pip", "install", "-q", *wanted], capture_output=True, text=True, check=False
    )
    if installed.returncode:
        pytest.skip(f"the package index cannot be reached: {installed.stderr[-200:]}")

    (tmp_path / "predict.py").write_text(PREDICT, encoding="utf-8")
    package = tmp_path / "site"
    package.mkdir()
    (package / "ner_adv_plugin").symlink_to(ROOT / "ner_adv_plugin")
    done = _run(
        [str(python), str(tmp_path / "predict.py")], subword_export, {"PYTHONPATH": str(package)}
    )
    assert _comparable(json.loads(done)) == _comparable(
        json.loads(json.dumps(Predictor(subword_export, n_best=2).predict(TEXTS)))
    )


def test_scores_are_those_of_single_precision(export: Path) -> None:
    scores = Predictor(export).scores(["魏勇在深圳"])
    assert scores.dtype == np.float32 and scores.shape[:2] == (1, 5)
