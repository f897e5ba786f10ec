"""Files and encoders come from the hub, its mirror or the cache, or an error says what to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.common.hubs.fetching import fetch_encoder
from ner_adv_plugin.common.hubs.hub_path import HubPath, parse_hub_path
from ner_adv_plugin.modules.encoders.encoder_files import check_encoder, local_folder
from ner_adv_plugin.modules.encoders.loading import load_tokenizer, load_transformer
from tests.hub_server import TOKEN, Hub, Repo, running, use_hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running() as found:
        use_hub(found.url, tmp_path / "cache", monkeypatch)
        found.repos["org/name"] = Repo()
        found.repos["org/name"].commit({"model.tar.gz": b"one", "data/train.bio": b"text"})
        yield found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf://org/name", HubPath("hf", "org/name")),
        ("modelscope://org/na.me", HubPath("modelscope", "org/na.me")),
        ("hf://org/name@v1.0", HubPath("hf", "org/name", "v1.0")),
        ("hf://org/name@refs%2Fpr%2F1/a/b.txt", HubPath("hf", "org/name", "refs/pr/1", "a/b.txt")),
        ("hf://name@main", HubPath("hf", "name", "main")),
    ],
)
def test_paths_are_parsed_and_written(text: str, expected: HubPath) -> None:
    assert parse_hub_path(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["https://a/b", "a/b", "hf:/a/b", "datasets://a/b", "hf.tar.gz"])
def test_other_paths_are_not_of_a_hub(text: str) -> None:
    assert parse_hub_path(text) is None
    assert parse_hub_path(Path(text)) is None


@pytest.mark.parametrize(
    "text",
    ["hf://", "hf:///name", "hf://org/", "hf://org/name@", "hf://org/name/", "hf://org/name/../x"]
    + ["hf://org/na me", "hf://../name", "modelscope://org/name@main//x"],
)
def test_broken_paths_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"expected \w+://ORG/NAME, which may be followed by @REV"):
        local_path(text)


def test_files_of_a_revision(hub: Hub) -> None:
    repo = hub.repos["org/name"]
    first = repo.branches["main"]
    repo.commit({"model.tar.gz": b"two"}, "next")
    assert local_path("hf://org/name").read_bytes() == b"one"
    assert local_path("hf://org/name").name == "model.tar.gz"
    assert local_path("hf://org/name@next").read_bytes() == b"two"
    assert local_path("hf://org/name/data/train.bio").read_bytes() == b"text"

    repo.commit({"model.tar.gz": b"three"})
    assert local_path("hf://org/name").read_bytes() == b"three"
    assert local_path(f"hf://org/name@{first}/model.tar.gz").read_bytes() == b"one"
    asked = len(hub.asked)
    # A commit in the cache needs no request.
    local_path(f"hf://org/name@{first}/model.tar.gz")
    assert len(hub.asked) == asked


def test_the_cache_serves_without_a_connection(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_path("hf://org/name")
    asked = len(hub.asked)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert local_path("hf://org/name").read_bytes() == b"one"
    with pytest.raises(UserError) as raised:
        local_path("hf://org/other@v2")
    assert str(raised.value) == (
        f"cannot get hf://org/other@v2: it is not in the cache ({tmp_path / 'cache'}), and "
        "HF_HUB_OFFLINE is set: unset it, or pass a local folder"
    )
    assert len(hub.asked) == asked

    monkeypatch.delenv("HF_HUB_OFFLINE")
    # Nothing listens on port 1.
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1/")
    assert local_path("hf://org/name").read_bytes() == b"one"
    with pytest.raises(UserError) as raised:
        local_path("hf://org/other")
    message = str(raised.value)
    assert "cannot get hf://org/other: it is not in the cache" in message
    assert "http://127.0.0.1:1 did not answer ([Errno 111] Connection refused)" in message
    assert "set HF_ENDPOINT to a mirror that can be reached" in message


def test_what_the_hub_does_not_have(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        UserError, match=f'{hub.url} has no model "org/nam", or it is private: then'
    ):
        local_path("hf://org/nam")
    with pytest.raises(UserError, match='org/name has no revision "v9" on http'):
        local_path("hf://org/name@v9")
    with pytest.raises(UserError) as raised:
        local_path("hf://org/name/model.tar")
    assert str(raised.value).endswith(
        'the repository has no "model.tar". Did you mean "model.tar.gz"? It has data/train.bio, '
        "model.tar.gz."
    )
    hub.repos["org/secret"] = Repo(private=True)
    hub.repos["org/secret"].commit({"model.tar.gz": b"secret"})
    with pytest.raises(UserError, match="log in with `hf auth login`, or set HF_TOKEN"):
        local_path("hf://org/secret")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert local_path("hf://org/secret").read_bytes() == b"secret"


def encoder_files(folder: Path, weights: str) -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    files[weights] = files.pop("model.safetensors")
    extra = {"tf_model.h5": b"0", "onnx/model.onnx": b"0", "modeling.py": b"1 / 0"}
    return files | extra


def test_encoders_are_downloaded_without_what_is_not_read(
    hub: Hub, fixture_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos["org/encoder"] = Repo()
    files = encoder_files(fixture_encoder, "model.safetensors")
    first = hub.repos["org/encoder"].commit(files)
    hub.repos["org/encoder"].commit({"config.json": b"{}"})

    name = f"hf://org/encoder@{first}"
    check_encoder(name, name)
    folder = Path(local_folder(name))
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        path.name for path in fixture_encoder.iterdir()
    )
    _, config = load_tokenizer(str(folder), name, with_weights=True)
    found = load_transformer(str(folder), config, True).state_dict()
    expected = load_transformer(str(fixture_encoder), config, True).state_dict()
    assert all((found[key] == expected[key]).all() for key in expected)

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    fetch_encoder.cache_clear()
    assert Path(local_folder(name)) == folder


def test_older_weights_are_taken_if_there_are_no_others(hub: Hub, fixture_encoder: Path) -> None:
    hub.repos["org/old"] = Repo()
    hub.repos["org/old"].commit(encoder_files(fixture_encoder, "pytorch_model.bin"))
    folder = Path(local_folder("hf://org/old"))
    assert (folder / "pytorch_model.bin").is_file() and not (folder / "tf_model.h5").exists()


def test_encoders_that_cannot_be_fetched_are_errors_of_the_config(hub: Hub) -> None:
    with pytest.raises(ConfigurationError, match="model_name: cannot get hf://org/none: .* has no"):
        check_encoder("hf://org/none", "hf://org/none")
    with pytest.raises(
        ConfigurationError, match="hf://org/name/a.bin is a file, but an encoder is"
    ):
        local_folder("hf://org/name/a.bin")
    with pytest.raises(ConfigurationError, match="hf://org/name has no configuration, tok"):
        check_encoder("hf://org/name", "hf://org/name")


def test_a_plain_name_tells_of_mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ner_adv_plugin.modules.encoders.encoder_files import explain_hub

    use_hub("http://127.0.0.1:1", tmp_path / "cache", monkeypatch)
    message = str(explain_hub("org/name", OSError("We couldn't connect")))
    assert "on the hub http://127.0.0.1:1 it was not loaded (We couldn't connect)" in message
    assert "set HF_ENDPOINT to a mirror" in message


def test_archives_are_opened_as_carefully(hub: Hub) -> None:
    from ner_adv_plugin.archives.extraction import opened

    with (
        pytest.raises(UserError, match="hf://org/name is not a valid archive"),
        opened("hf://org/name"),
    ):
        pass
