"""Loading of archives: models, heads, weights and errors."""

import gzip
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.archives.archive import target_head
from ner_adv_plugin.archives.writing import archive_model
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.reading import DatasetReader, PeopleDailyReader, WeiboReader
from ner_adv_plugin.inference import Predictor, Tagger
from ner_adv_plugin.models import Model
from ner_adv_plugin.models.sharing_model import SharingModel
from tests.archives.crafting import unbind
from tests.serving import serving, use_cache
from tests.tiny import DATA, weights


@pytest.fixture(scope="module")
def sentences() -> list[dict[str, str]]:
    lines = (DATA / "unlabelled" / "reviews.txt").read_text(encoding="utf-8").splitlines()
    return [{"sentence": line} for line in lines[:40]]


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    """A folder with the content of an archive without digests, to be damaged."""
    folder = tmp_path / "copied"
    with tarfile.open(tiny_run / "model.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    unbind(folder)
    return folder


def packed(folder: Path) -> Path:
    """Pack the folder as an archive."""
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        for member in sorted(folder.iterdir()):
            archive.add(member, member.name)
    return path


def answers(
    path: str | Path, sentences: list[dict[str, str]], head: str = "weibo"
) -> list[dict[str, Any]]:
    return Predictor.from_path(path, head=head).predict_batch_json(sentences)


@pytest.mark.parametrize("head", ["weibo", "msra", "msr"])
def test_archive_and_folder_predict_the_same(
    tiny_run: Path, sentences: list[dict[str, str]], head: str
) -> None:
    from_archive = answers(tiny_run / "model.tar.gz", sentences, head)
    assert from_archive == answers(tiny_run, sentences, head)
    assert any(answer.get("entities") or answer.get("words") for answer in from_archive)


def test_a_loaded_model_is_the_trained_one(tiny_run: Path) -> None:
    model = load_archive(tiny_run / "model.tar.gz").model
    best = weights(tiny_run / "best.th")
    state = model.state_dict()
    assert state.keys() == best.keys() and all(
        torch.equal(state[name], best[name]) for name in best
    )
    assert not model.training


def test_an_archive_holds_safetensors(tiny_run: Path, tmp_path: Path) -> None:
    with tarfile.open(tiny_run / "model.tar.gz") as tar:
        tar.extract("weights.safetensors", tmp_path, filter="data")
        assert "weights.th" not in tar.getnames()
    stored, best = load_file(tmp_path / "weights.safetensors"), weights(tiny_run / "best.th")
    assert stored.keys() == best.keys()
    assert all(torch.equal(stored[name], best[name]) for name in best)
    # They can be given as a file, too.
    given = load_archive(tiny_run, weights_file=str(tmp_path / "weights.safetensors")).model
    name = "encoder.embedding.weight"
    assert torch.equal(given.state_dict()[name], best[name])


def test_weights_that_are_more_than_tensors_stay_as_they_are(
    tiny_run: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "meta.json"):
        shutil.copy(tiny_run / name, tmp_path)
    shutil.copytree(tiny_run / "vocabulary", tmp_path / "vocabulary")
    torch.save({**weights(tiny_run / "best.th"), "extra": {"step": 3}}, tmp_path / "best.th")
    with tarfile.open(archive_model(tmp_path)) as tar:
        assert "weights.th" in tar.getnames() and "weights.safetensors" not in tar.getnames()


def test_parameters_that_share_memory_are_stored(tiny_run: Path, tmp_path: Path) -> None:
    for name in ("config.json", "meta.json"):
        shutil.copy(tiny_run / name, tmp_path)
    shutil.copytree(tiny_run / "vocabulary", tmp_path / "vocabulary")
    state = weights(tiny_run / "best.th")
    tied = torch.arange(6.0).view(2, 3)
    torch.save({**state, "one": tied, "two": tied.t()}, tmp_path / "best.th")
    with tarfile.open(archive_model(tmp_path)) as tar:
        tar.extract("weights.safetensors", tmp_path, filter="data")
    stored = load_file(tmp_path / "weights.safetensors")
    assert torch.equal(stored["two"], stored["one"].t())


def test_an_archive_is_self_contained(
    transformer_archive: Path, sentences: list[dict[str, str]], tmp_path: Path
) -> None:
    elsewhere = shutil.copy(transformer_archive, tmp_path / "moved.tar.gz")
    before = answers(transformer_archive, sentences)
    assert answers(Path(elsewhere), sentences) == before
    assert not Path(load_archive(elsewhere).config["model"]["encoder"]["model_name"]).exists()


def test_only_the_requested_heads_are_built(tiny_run: Path) -> None:
    def names(model: Model) -> tuple[set[str], set[str]]:
        assert isinstance(model, SharingModel)
        return set(model.heads), set(model.towers)

    whole = load_archive(tiny_run)
    assert names(whole.model) == ({"weibo", "msra", "msr"}, {"shared", "weibo", "msra", "msr"})
    assert whole.heads == ["weibo", "msra", "msr"] and whole.default_head == "weibo"
    two = load_archive(tiny_run, only_heads=["msr", "msra"])
    assert names(two.model) == ({"msra", "msr"}, {"shared", "msra", "msr"})
    assert two.heads == whole.heads
    target = load_archive(tiny_run, only_heads=[])
    assert names(target.model) == ({"weibo"}, {"shared", "weibo"})
    assert not list(target.model.get_submodule("objectives").parameters())


def test_a_head_loaded_alone_predicts_the_same(
    tiny_run: Path, sentences: list[dict[str, str]]
) -> None:
    whole = Tagger(load_archive(tiny_run), "msr").predict_batch_json(sentences)
    assert (
        Tagger(load_archive(tiny_run, only_heads=["msr"]), "msr").predict_batch_json(sentences)
        == whole
    )


def test_an_unknown_head_is_an_error(tiny_run: Path) -> None:
    with pytest.raises(UserError, match='no head "weib"; its heads: weibo, msra, msr'):
        load_archive(tiny_run, only_heads=["weib"])


@pytest.mark.parametrize(
    ("metric", "head"),
    [
        ("+ner_f1", "ner"),
        ("+ner_msr_f1", "ner_msr"),
        ("-loss", "first"),
        ("", "first"),
        ("+nerf1", "first"),
    ],
)
def test_target_head_is_the_longest_prefix_of_the_metric(metric: str, head: str) -> None:
    config = {"trainer": {"validation_metric": metric}} if metric else {}
    assert target_head(config, ["first", "ner", "ner_msr", "msr"]) == head


def test_only_the_heads_of_datasets_are_built(tiny_run: Path) -> None:
    model = load_archive(tiny_run, only_datasets=["msr", "weibo", "msr"]).model
    assert isinstance(model, SharingModel)
    assert set(model.heads) == {"msr", "weibo"} and set(model.towers) == {"shared", "msr", "weibo"}
    with pytest.raises(UserError, match='no labelled dataset "wiebo". Did you mean "weibo"'):
        load_archive(tiny_run, only_datasets=["wiebo"])


def test_other_weights(tiny_run: Path, tmp_path: Path) -> None:
    state = {name: torch.zeros_like(value) for name, value in weights(tiny_run / "best.th").items()}
    torch.save(state, tmp_path / "zeros.th")
    model = load_archive(tiny_run / "model.tar.gz", weights_file=str(tmp_path / "zeros.th")).model
    assert all(not parameter.any() for parameter in model.parameters())
    with pytest.raises(UserError, match="no weights, missing.th"):
        load_archive(tiny_run, weights_file=str(tmp_path / "missing.th"))


def test_an_archive_and_weights_at_urls(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sentences: list[dict[str, str]]
) -> None:
    use_cache(tmp_path / "cache", monkeypatch)
    with serving(tiny_run) as server:
        expected = answers(tiny_run, sentences)
        assert answers(f"{server.url}/model.tar.gz", sentences) == expected
        # A folder without weights.
        shutil.copytree(tiny_run / "vocabulary", tmp_path / "vocabulary")
        shutil.copy(tiny_run / "config.json", tmp_path)
        archive = load_archive(tmp_path, weights_file=f"{server.url}/best.th")
        assert Tagger(archive, "weibo").predict_batch_json(sentences) == expected
        with pytest.raises(
            UserError, match=f"{server.url}/metrics.json is not a valid archive: Not a gzipped file"
        ):
            load_archive(f"{server.url}/metrics.json")
        with pytest.raises(UserError, match=f"cannot download {server.url}/missing.th: not found"):
            load_archive(tiny_run, weights_file=f"{server.url}/missing.th")


def test_the_folder_of_an_unfinished_run(
    tiny_run: Path, tmp_path: Path, sentences: list[dict[str, str]]
) -> None:
    for name in ("config.json", "meta.json", "best.th"):
        shutil.copy(tiny_run / name, tmp_path / name)
    shutil.copytree(tiny_run / "vocabulary", tmp_path / "vocabulary")
    assert answers(tmp_path, sentences) == answers(tiny_run, sentences)


def test_weights_of_another_model_are_an_error(tiny_run: Path, tmp_path: Path) -> None:
    state = weights(tiny_run / "best.th")
    torch.save(
        {name: value for name, value in state.items() if "crf" not in name}, tmp_path / "fewer.th"
    )
    torch.save(
        {name: value[..., :1].clone() if value.dim() else value for name, value in state.items()},
        tmp_path / "smaller.th",
    )
    torch.save([1, 2, 3], tmp_path / "list.th")
    for name in ("fewer.th", "smaller.th", "list.th"):
        with pytest.raises(UserError, match=name):
            load_archive(tiny_run, weights_file=str(tmp_path / name))


def test_overrides(tiny_run: Path) -> None:
    archive = load_archive(tiny_run, overrides='{"dataset_reader.readers.weibo.max_instances": 3}')
    assert len(archive.reader.readers["weibo"].read(DATA / "weibo" / "weiboNER_2nd_conll.dev")) == 3
    with pytest.raises(UserError, match="run: config.json: model.encoder.dropuot: unknown key"):
        load_archive(tiny_run, overrides='{"model.encoder.dropuot": 0.5}')


def test_readers_of_training_and_of_validation(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    config["validation_dataset_reader"] = {
        "type": "multitask",
        "readers": {"weibo": {"type": "weibo"}},
    }
    (copied / "config.json").write_text(json.dumps(config), encoding="utf-8")
    archive = load_archive(copied)
    assert list(archive.train_reader.readers) == ["weibo", "msra", "msr"]
    assert list(archive.reader.readers) == ["weibo"]


@pytest.mark.parametrize(
    ("of_validation", "kind"), [({"type": "people_daily"}, PeopleDailyReader), (None, WeiboReader)]
)
def test_a_single_validation_reader_reads_the_training_dataset(
    copied: Path, of_validation: dict[str, str] | None, kind: type[DatasetReader]
) -> None:
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    config |= {"dataset_reader": {"type": "weibo"}, "validation_dataset_reader": of_validation}
    (copied / "config.json").write_text(json.dumps(config), encoding="utf-8")
    archive = load_archive(copied)
    assert list(archive.reader.readers) == list(archive.train_reader.readers) == ["weibo"]
    assert (
        isinstance(archive.reader.readers["weibo"], kind)
        and archive.reader.readers["weibo"].head == "weibo"
    )


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_an_error(tiny_run: Path, tmp_path: Path, share: float) -> None:
    whole = (tiny_run / "model.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match="cut.tar.gz"):
        load_archive(tmp_path / "cut.tar.gz")


@pytest.mark.parametrize("place", [0.05, 0.3, 0.6, 0.95])
def test_a_corrupted_archive_is_an_error(tiny_run: Path, tmp_path: Path, place: float) -> None:
    content = bytearray((tiny_run / "model.tar.gz").read_bytes())
    start = int(place * len(content))
    content[start : start + 64] = bytes(byte ^ 0xFF for byte in content[start : start + 64])
    (tmp_path / "spoilt.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match="spoilt.tar.gz"):
        load_archive(tmp_path / "spoilt.tar.gz")


@pytest.mark.parametrize(
    "content", [b"", b"no archive at all", gzip.compress(b"no tar in here" * 100, mtime=0)]
)
def test_a_file_that_is_not_an_archive_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(UserError, match="file is not a valid archive|config.json is missing"):
        load_archive(tmp_path / "file")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no archive at .*missing.tar.gz"):
        load_archive(tmp_path / "missing.tar.gz")


DATASETS, TYPES = "vocabulary/datasets.json", "vocabulary/weibo_types.txt"


def remove(*names: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return spoil


def replace(name: str, content: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_text(content, encoding="utf-8")

    return spoil


def dataset(**changes: Any) -> str:
    """Return the content of a vocabulary's datasets.json."""
    return json.dumps({"weibo": {"head": "weibo", "domain": "social", "task": "ner", **changes}})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (remove("config.json"), "no config.json|config.json is missing"),
        (replace("config.json", "{"), "config.json is missing or not valid"),
        (replace("config.json", "[]"), "config.json is not the config of a run"),
        (replace("config.json", '{"model": {}}'), "config.json is not the config of a run"),
        (replace("config.json", "[" * 100_000), "config.json is missing or not valid"),
        (replace(DATASETS, "{}"), "vocabulary has no head"),
        (replace(DATASETS, "[" * 100_000), "cannot read the vocabulary in it: .*recursion"),
        (remove("weights.safetensors"), "no weights|weights.safetensors is missing"),
        (replace("weights.safetensors", "no weights"), "safetensors is not a file of weights only"),
        (replace("weights.safetensors", "12345678{"), "safetensors is not a file of weights only"),
        (remove(DATASETS), "no vocabulary in it: datasets.json is missing"),
        (replace(DATASETS, "{"), "cannot read the vocabulary in it: Expecting"),
        (replace(DATASETS, "[]"), "the vocabulary in it: datasets.json: expected an object"),
        (replace(DATASETS, '{"weibo": []}'), "datasets.json.weibo: expected an object"),
        (replace(DATASETS, '{"weibo": {"head": "weibo"}}'), "json.weibo.domain: missing key"),
        (replace(DATASETS, dataset(sentences="all")), "json.weibo.sentences: .*a whole number"),
        (replace(DATASETS, dataset(tasks="ner")), 'json.weibo.tasks: unknown key.*mean "task"'),
        (replace(DATASETS, dataset(scheme="BIO")), "json was written by ner_adv_plugin 0.1"),
        (replace(TYPES, '"PER"\nLOC'), "cannot read the vocabulary in it: Expecting"),
        (replace(TYPES, '"PER"\n["LOC"]'), "weibo_types.txt: expected one JSON string per line"),
        (replace(TYPES, '"PER"\n'), "weights"),
        (remove(TYPES), "the vocabulary in it: weibo_types.txt is missing"),
        (remove("vocabulary/characters.txt"), "vocabulary in it: characters.txt is missing"),
        (remove("vocabulary/domains.txt"), "vocabulary in it: domains.txt is missing"),
    ],
)
def test_missing_or_invalid_content_is_an_error(
    copied: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(copied)
    for path in (copied, packed(copied)):
        with pytest.raises(UserError, match=f"^{path}.*(?:{message})"):
            load_archive(path)


def test_code_in_the_folder_of_the_encoder_does_not_run(
    transformer_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every question of transformers is answered with yes.
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with tarfile.open(transformer_archive) as archive:
        archive.extractall(tmp_path / "copied", filter="data")
    unbind(tmp_path / "copied")
    encoder = tmp_path / "copied" / "vocabulary" / "encoder"
    code = f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\nclass Own: ..."
    (encoder / "own.py").write_text(code)
    for name, kinds in (
        ("config.json", ["AutoConfig", "AutoModel"]),
        ("tokenizer_config.json", ["AutoTokenizer"]),
    ):
        settings = json.loads((encoder / name).read_text(encoding="utf-8"))
        settings["auto_map"] = {
            kind: ["own.Own", "own.Own"] if "Tok" in kind else "own.Own" for kind in kinds
        }
        settings["model_type"] = "own"
        settings["tokenizer_class"] = "Own"
        (encoder / name).write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(
        UserError, match="config.json: model.encoder.model_name: cannot load encoder"
    ):
        load_archive(packed(tmp_path / "copied"))
    assert not (tmp_path / "ran").exists()


def test_no_extracted_folder_is_left(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    archive = load_archive(tiny_run / "model.tar.gz")
    assert list(tmp_path.iterdir()) == []
    # The weights were memory-mapped from the folder, but can still be read.
    assert all(torch.isfinite(parameter).all() for parameter in archive.model.parameters())
