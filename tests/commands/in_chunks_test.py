"""`allennlp predict --chunk-size`: shared by processes, killed and resumed, with one output."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ner_adv_plugin.inference import chunks as chunks_module
from ner_adv_plugin.inference.tagger import Tagger
from tests.commands.conftest import Run
from tests.tiny import ROOT

# A predictor that takes long enough to be killed; each chunk that it predicts is a line of a log.
PLUGIN = """
import os
import time

from ner_adv_plugin.inference import Predictor
from ner_adv_plugin.inference.tagger import Tagger


@Predictor.register("slow_tagger")
class SlowTagger(Tagger):
    def predict_batch_instance(self, instances):
        with open(os.environ["PREDICTED"], "a") as file:
            file.write(f"{os.environ.get('RANK')} {os.getpid()} {instances[0].text}\\n")
        time.sleep(float(os.environ["SECONDS_PER_CHUNK"]))
        return super().predict_batch_instance(instances)
"""


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def predicted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of inputs of each call of the model."""
    calls: list[int] = []
    whole = Tagger.predict_batch_instance

    def counted(self: Tagger, instances: list) -> list:  # type: ignore[type-arg]
        calls.append(len(instances))
        return whole(self, instances)

    monkeypatch.setattr(Tagger, "predict_batch_instance", counted)
    return calls


def write_inputs(path: Path, count: int = 23) -> Path:
    lines = [json.dumps({"id": i, "sentence": f"第{i}句：魏勇在深圳"}) for i in range(count)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def answers(path: Path) -> list[tuple[int, str, list[str]]]:
    """Read answers without the last digits of scores, which depend on batches."""
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(one["id"], one["sentence"], one["tags"]) for one in found]


def test_chunks_give_the_answers_of_the_whole(
    run: Run, tiny_run: Path, predicted: list[int]
) -> None:
    inputs = write_inputs(Path("in.jsonl"))
    command = ("predict", tiny_run, inputs, "--output-file")
    assert run(*command, "whole.jsonl").status == 0
    predicted.clear()
    assert run(*command, "out.jsonl", "--chunk-size", "10").status == 0
    assert predicted == [10, 10, 3]
    assert answers(Path("out.jsonl")) == answers(Path("whole.jsonl"))
    assert sorted(path.name for path in Path("out.jsonl.parts").iterdir()) == [
        chunks_module.LOCK,
        chunks_module.MANIFEST,
    ]

    # Once more: there is nothing to do.
    again = run(*command, "out.jsonl", "--chunk-size", "10")
    assert again.out == "out.jsonl is complete: remove out.jsonl.parts to predict again\n"
    assert predicted == [10, 10, 3]
    Path("out.jsonl").unlink()
    assert run(*command, "out.jsonl", "--chunk-size", "10").status == 0
    assert predicted == [10, 10, 3] * 2


def test_only_missing_chunks_are_predicted(
    run: Run, tiny_run: Path, predicted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write_inputs(Path("in.jsonl"))
    command = ("predict", tiny_run, inputs, "--chunk-size", "4", "--output-file")
    run(*command, "whole.jsonl")
    whole, rounds = Path("whole.jsonl").read_bytes(), 0
    # Stopped before a file gets its name; every other round completes a chunk.
    replace = os.replace
    while not Path("out.jsonl").exists() or rounds == 0:
        rounds += 1
        left = [2 + rounds % 2]

        def stopping(source: str, target: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            replace(source, target)

        predicted.clear()
        monkeypatch.setattr(os, "replace", stopping)
        result = run(*command, "out.jsonl")
        monkeypatch.setattr(os, "replace", replace)
        assert len(predicted) <= 2
        if result.status:
            assert result.status == 130
        assert rounds < 40
    run(*command, "out.jsonl")
    assert Path("out.jsonl").read_bytes() == whole and rounds > 5


def test_two_processes_share_the_chunks(
    run: Run, tiny_run: Path, predicted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write_inputs(Path("in.jsonl"))
    command = ("predict", tiny_run, inputs, "--chunk-size", "4", "--output-file")
    run(*command, "whole.jsonl")
    predicted.clear()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    result = run(*command, "out.jsonl")
    assert predicted == [4, 4, 3] and not Path("out.jsonl").exists()
    assert "3 of 6 chunks are not done" in result.err
    # Resumed with another number of processes.
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("RANK", "0")
    assert run(*command, "out.jsonl").status == 0
    assert predicted == [4, 4, 3, 4, 4, 4]
    assert Path("out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


@pytest.mark.parametrize("changed", ["input", "size", "model", "flag"])
def test_another_prediction_is_not_mixed_in(
    changed: str, run: Run, tiny_run: Path, tmp_path: Path
) -> None:
    inputs = write_inputs(tmp_path / "in.jsonl")
    model = tmp_path / "model.tar.gz"
    model.write_bytes((tiny_run / "model.tar.gz").read_bytes())
    command = ["predict", model, inputs, "--output-file", "out.jsonl", "--chunk-size"]
    run(*command, "5")
    parts = Path("out.jsonl.parts")
    manifest = (parts / chunks_module.MANIFEST).read_bytes()
    # The same content at another time is the same.
    os.utime(inputs, (1, 1))
    assert "is complete" in run(*command, "5").out

    size, more, expected = "5", [], ""
    if changed == "input":
        write_inputs(inputs, 24)
        expected = f"another input: the content of {inputs} has changed"
    elif changed == "model":
        with model.open("ab") as file:
            file.write(b"\0")
        expected = f"another model: the content of {model} has changed"
    elif changed == "size":
        size, expected = "6", "chunk_size 5, now it is 6"
    else:
        more, expected = ["--on-error", "skip"], "on_error 'stop', now it is 'skip'"
    result = run(*command, size, *more)
    assert result.status == 2 and f"belongs to a prediction with {expected}" in result.err
    assert f"Remove {parts} to predict all again." in result.err
    assert (parts / chunks_module.MANIFEST).read_bytes() == manifest


def test_models_and_word_lists_are_not_mixed_in(run: Run, tiny_run: Path) -> None:
    inputs = write_inputs(Path("in.jsonl"))
    Path("words.txt").write_text("深圳\n", encoding="utf-8")
    command = ["predict", tiny_run, inputs, "--chunk-size", "5", "--output-file"]
    ensemble = ["--ensemble", tiny_run, "--ensemble", tiny_run]
    assert run(*command, "voted.jsonl", *ensemble).status == 0
    assert run(*command, "out.jsonl").status == 0
    assert answers(Path("voted.jsonl")) == answers(Path("out.jsonl"))
    for more, output, expected in [
        ([], "voted.jsonl", "with a model 2, now there is none"),
        (ensemble[:2], "voted.jsonl", "with a model 3, now there is none"),
        (ensemble, "out.jsonl", f"without a model 2, now it is {tiny_run}"),
        (["--lexicon", "words.txt"], "out.jsonl", "without a lexicon 1, now it is words.txt"),
    ]:
        result = run(*command, output, *more)
        assert result.status == 2 and f"belongs to a prediction {expected}. Remove" in result.err


def test_invalid_lines(run: Run, tiny_run: Path) -> None:
    inputs = write_inputs(Path("in.jsonl"), 8)
    inputs.write_text(inputs.read_text("utf-8") + "[1]\n", encoding="utf-8")
    command = ("predict", tiny_run, inputs, "--chunk-size", "4", "--output-file", "out.jsonl")
    result = run(*command)
    assert result.status == 2 and "in.jsonl:9: found '[1]'" in result.err
    assert not Path("out.jsonl").exists()
    parts = sorted(path.name for path in Path("out.jsonl.parts").glob("*.jsonl"))
    assert parts == ["00000000.jsonl", "00000001.jsonl"]
    for path in Path("out.jsonl.parts").iterdir():
        path.unlink()
    assert run(*command, "--on-error", "skip").status == 0
    assert json.loads(Path("out.jsonl").read_text("utf-8").splitlines()[8])["line"] == 9


def test_what_cannot_be_in_chunks_is_refused(
    run: Run, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = write_inputs(Path("in.jsonl"))
    chunked = ("predict", tiny_run, inputs, "--chunk-size", "3")
    assert "--chunk-size needs --output-file" in run(*chunked).err
    with_reader = run(*chunked, "--output-file", "out", "--use-dataset-reader")
    assert "is for lines, not for --use-dataset-reader" in with_reader.err
    stdin = ("predict", tiny_run, "-", "--chunk-size", "3", "--output-file", "out")
    assert "stdin cannot be read again" in run(*stdin).err
    missing = run("predict", tiny_run, "no.jsonl", "--chunk-size", "3", "--output-file", "out")
    assert "no.jsonl: found 'no such file'" in missing.err
    assert "expected a whole number of 1 or more" in run(*chunked[:-1], "0").err
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "with several processes needs --output-file" in run("predict", tiny_run, inputs).err
    assert sorted(path.name for path in Path().iterdir()) == ["in.jsonl"]


def test_an_empty_input_gives_an_empty_output(run: Run, tiny_run: Path) -> None:
    Path("in.jsonl").touch()
    command = ("predict", tiny_run, "in.jsonl", "--chunk-size", "3", "--output-file", "out")
    assert run(*command).status == 0 and Path("out").read_bytes() == b""


@pytest.mark.slow
def test_one_of_two_processes_is_killed_and_all_is_resumed(tiny_run: Path, tmp_path: Path) -> None:
    """Two processes under torch's launcher; SIGKILL hits one of them in the middle of a chunk."""
    (tmp_path / "slow_plugin.py").write_text(PLUGIN, encoding="utf-8")
    inputs = write_inputs(tmp_path / "in.jsonl", 60)
    log = tmp_path / "predicted.txt"
    flags = ["--chunk-size", "5", "--predictor", "slow_tagger", "--include-package", "slow_plugin"]
    command = ["-m", "ner_adv_plugin", "predict", str(tiny_run), str(inputs), *flags]
    launcher = [sys.executable, "-m", "torch.distributed.run"]
    launcher += ["--nproc-per-node", "2", "--standalone"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    environment |= {"PREDICTED": str(log), "SECONDS_PER_CHUNK": "0", "OMP_NUM_THREADS": "1"}
    settings = {"cwd": tmp_path, "capture_output": True, "timeout": 200}
    whole = [sys.executable, *command, "--output-file", "whole.jsonl"]
    subprocess.run(whole, env=environment, check=True, **settings)  # type: ignore[call-overload]
    log.unlink()

    shared = [*launcher, *command, "--output-file", "out.jsonl"]
    slow = {**environment, "SECONDS_PER_CHUNK": "1"}
    process = subprocess.Popen(
        shared, env=slow, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    parts = tmp_path / "out.jsonl.parts"
    deadline = time.monotonic() + 120
    while len(list(parts.glob("0*.jsonl"))) < 3:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    # The process of rank 1 that has begun a chunk last.
    victim = [line.split()[1] for line in log.read_text("utf-8").splitlines() if line[0] == "1"][-1]
    os.kill(int(victim), signal.SIGKILL)
    assert process.wait(timeout=120) != 0
    assert not (tmp_path / "out.jsonl").exists()
    done = {path.name: path.stat().st_mtime_ns for path in parts.glob("0*.jsonl")}
    assert 3 <= len(done) < 12
    before = {path.name: path.read_bytes() for path in parts.glob("0*.jsonl")}

    log.unlink()
    subprocess.run(shared, env=environment, check=True, **settings)  # type: ignore[call-overload]
    assert len(log.read_text("utf-8").splitlines()) == 12 - len(done)
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    lines = (tmp_path / "out.jsonl").read_bytes().splitlines(keepends=True)
    for name, content in before.items():
        first = 5 * int(name.partition(".")[0])
        assert b"".join(lines[first : first + 5]) == content
