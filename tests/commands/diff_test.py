"""`allennlp diff`."""

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ner_adv_plugin.runs.train_job import train_model
from tests.commands.conftest import Run
from tests.tiny import single_task_config

OLD = {
    "same": torch.tensor([1.0, math.inf]),
    "gone": torch.zeros(2, 3),
    "near": torch.zeros(4),
    "moved": torch.tensor([1.0, 2.0, 3.0, 4.0]),
    "reshaped": torch.zeros(3),
    "count": torch.tensor(7),
    "empty": torch.zeros(0),
    "broken": torch.tensor([0.0, 1.0]),
}
NEW = {
    "new": torch.ones(1),
    "broken": torch.tensor([math.nan, 1.0]),
    "empty": torch.zeros(0),
    "count": torch.tensor(9),
    "same": torch.tensor([1.0, math.inf]),
    "near": torch.full((4,), 1e-6),
    # The root mean square of 1, 1, 1, 3.
    "moved": torch.tensor([2.0, 1.0, 4.0, 7.0]),
    "reshaped": torch.zeros(4),
}


def save(name: str, weights: dict[str, Tensor], prefix: str = "") -> str:
    torch.save({prefix + key: value for key, value in weights.items()}, name)
    return name


def test_removed_added_changed_and_equal_parameters(run: Run) -> None:
    result = run("diff", save("old.th", OLD), save("new.th", NEW))
    assert (result.status, result.err) == (0, "")
    assert result.out.splitlines() == [
        " same, shape = (2,)",
        "-gone, shape = (2, 3)",
        " near, shape = (4,)",
        f"!moved, shape = (4,), distance = {math.sqrt(3):.4g}",
        "-reshaped, shape = (3,)",
        "+reshaped, shape = (4,)",
        "!count, shape = (), distance = 2",
        " empty, shape = (0,)",
        "!broken, shape = (2,), distance = nan",
        "+new, shape = (1,)",
    ]


@pytest.mark.parametrize(
    ("flags", "marks"),
    [
        ([], " !"),
        (["--threshold", "1e-7"], "!!"),
        (["--threshold", "1.8"], "  "),
        (["--scale", "100"], "!!"),
        (["--scale", "0.5", "--threshold", "0.9"], "  "),
        (["--scale", "0.5", "--threshold", "0.8"], " !"),
    ],
)
def test_scale_and_threshold(run: Run, flags: list[str], marks: str) -> None:
    names = ("near", "moved")
    old = save("old.th", {name: OLD[name] for name in names})
    new = save("new.th", {name: NEW[name] for name in names})
    lines = run("diff", old, new, *flags).out.splitlines()
    assert "".join(line[0] for line in lines) == marks and [line[1:6] for line in lines] == [
        "near,",
        "moved",
    ]
    if "100" in flags:
        assert lines[1].endswith(f"distance = {100 * math.sqrt(3):.4g}")


def test_prefixes_are_removed(run: Run) -> None:
    old = save("old.th", {"a": OLD["near"], "b": OLD["moved"]}, "model.encoder.")
    new = save("new.th", {"bert.a": OLD["near"], "b": OLD["moved"]})
    assert {line[0] for line in run("diff", old, new).out.splitlines()} == {"-", "+"}
    result = run(
        "diff", old, new, "--strip-prefix-1", "model.encoder.", "--strip-prefix-2", "bert."
    )
    assert result.out == " a, shape = (4,)\n b, shape = (4,)\n"


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("x.", 'no parameter name starts with "x."'),
        ("a.", 'without "a." two parameters have the same name'),
    ],
)
def test_prefixes_that_cannot_be_removed(run: Run, prefix: str, message: str) -> None:
    weights = save("weights.th", {"a.b": OLD["near"], "b": OLD["near"]})
    for number in (1, 2):
        result = run("diff", weights, weights, f"--strip-prefix-{number}", prefix)
        assert (result.status, result.out, result.err) == (2, "", f"error: {message}\n")


@pytest.fixture(scope="module")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "run"
    train_model(single_task_config(trainer__num_epochs=2, dataset_reader__max_instances=8), folder)
    return folder


def test_runs_archives_checkpoints_and_weights(run: Run, small_run: Path) -> None:
    """The best weights are equal in all files; those of another epoch differ."""
    weights = torch.load(small_run / "best.th", weights_only=True)
    save_file({name: value.contiguous() for name, value in weights.items()}, "weights.safetensors")
    names = [f" {name}, shape = {tuple(value.shape)}" for name, value in weights.items()]
    for one in (small_run, small_run / "model.tar.gz", small_run / "best.th"):
        result = run("diff", one, "weights.safetensors")
        assert result.status == 0, result.err
        # Files of safetensors, such as those in archives, have an order of their own.
        assert sorted(result.out.splitlines()) == sorted(names)
    first, second = sorted(small_run.glob("checkpoints/model_state_*.th"))
    changed = run("diff", first, second).out.splitlines()
    states = [torch.load(path, weights_only=True) for path in (first, second)]
    for line, name in zip(changed, states[0], strict=True):
        distance = (
            torch.nn.functional.mse_loss(states[0][name].double(), states[1][name].double())
            .sqrt()
            .item()
        )
        assert line[0] == ("!" if distance > 1e-5 else " ")
        if line[0] == "!":
            assert float(line.rsplit(" ", 1)[1]) == pytest.approx(distance, rel=1e-3)


class Odd:
    """An object that is not a weight."""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.th", "no weights at missing.th"),
        ("missing.tar.gz", "no archive at missing.tar.gz"),
        ("text.th", "text.th is not a file of weights only"),
        ("text.safetensors", "text.safetensors is not a file of weights only"),
        ("odd.th", "odd.th is not a file of weights only"),
        ("list.th", "list.th holds something other than parameters by name"),
        ("state.th", "state.th holds something other than parameters by name"),
        ("folder", "folder: no weights, weights.safetensors or weights.th or best.th"),
    ],
)
def test_files_without_weights(run: Run, name: str, message: str) -> None:
    for text in ("text.th", "text.safetensors"):
        Path(text).write_text("no weights")
    torch.save(Odd(), "odd.th")
    torch.save([torch.zeros(1)], "list.th")
    torch.save({"epoch": 3}, "state.th")
    Path("folder").mkdir()
    good = save("good.th", OLD)
    for arguments in ((name, good), (good, name)):
        result = run("diff", *arguments)
        assert (result.status, result.out, result.err) == (2, "", f"error: {message}\n")
