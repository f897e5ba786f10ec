import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ner_adv_plugin.common.errors import DataError, UserError
from ner_adv_plugin.common.files import (
    is_url,
    local_path,
    write_file,
    write_folder,
    write_json,
    write_text,
)
from ner_adv_plugin.common.params import load_config
from ner_adv_plugin.data.reading.weibo import WeiboReader
from tests.serving import serving, use_cache


def everything(folder: Path) -> list[str]:
    """Return all files and folders below a folder, including hidden ones."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def failing(error: BaseException) -> Callable[[Path], None]:
    """Return a writer that fails in the middle of its file."""

    def write(aside: Path) -> None:
        aside.write_text("half", encoding="utf-8")
        raise error

    return write


def test_makes_missing_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "text", "字\n")
    assert (tmp_path / "a" / "b" / "text").read_bytes() == "字\n".encode()
    assert everything(tmp_path) == ["a", "a/b", "a/b/text"]


def test_replaces_atomically(tmp_path: Path) -> None:
    """An open old file can be read to its end, and no reader sees a partial file."""
    path = tmp_path / "text"
    write_text(path, "old")
    with path.open(encoding="utf-8") as reader:

        def write(aside: Path) -> None:
            aside.write_text("new", encoding="utf-8")
            assert path.read_text(encoding="utf-8") == "old"

        write_file(path, write)
        assert reader.read() == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert everything(tmp_path) == ["text"]


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (OSError(28, "No space left on device"), UserError),
        (RuntimeError("PytorchStreamWriter failed writing file"), UserError),
        (TypeError("cannot pickle"), TypeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_failure_leaves_the_old_file_and_no_partial(
    tmp_path: Path, present: bool, error: BaseException, seen: type[BaseException]
) -> None:
    path = tmp_path / "weights"
    if present:
        write_text(path, "old")
    with pytest.raises(seen):
        write_file(path, failing(error))
    assert everything(tmp_path) == (["weights"] if present else [])
    if present:
        assert path.read_text(encoding="utf-8") == "old"


def test_full_disk_while_torch_saves(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    path = tmp_path / "weights"

    def write(aside: Path) -> None:
        with Path("/dev/full").open("wb") as file:
            torch.save({"weights": torch.zeros(100_000)}, file)

    with pytest.raises(UserError, match=f"cannot write {path}"):
        write_file(path, write)
    assert everything(tmp_path) == []


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "kept")
    (tmp_path / "folder" / "inside").mkdir(parents=True)
    for path in (tmp_path / "file" / "below", tmp_path / "folder"):
        with pytest.raises(UserError, match=f"cannot write {path}"):
            write_text(path, "new")
    with pytest.raises(UserError, match="cannot write"):
        write_folder(tmp_path / "file" / "below", lambda aside: None)
    assert everything(tmp_path) == ["file", "folder", "folder/inside"]
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def test_json_is_readable_and_reads_back(tmp_path: Path) -> None:
    value = {"字": [1, 2.5, None, True], "line\u2028break": "\n"}
    write_json(tmp_path / "value.json", value)
    text = (tmp_path / "value.json").read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert '"字": [\n    1,' in text and text.endswith("}\n")


def test_json_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_json(tmp_path / "value.json", {"a": object()})
    assert everything(tmp_path) == []


def test_folder_replaces_the_older_one_completely(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "vocabulary"
    for name in ("first", "second"):
        write_folder(folder, lambda aside, name=name: (aside / name).touch())  # type: ignore[misc]
        assert everything(tmp_path) == ["runs", "runs/vocabulary", f"runs/vocabulary/{name}"]


@pytest.mark.parametrize(
    ("error", "seen"), [(OSError("full"), UserError), (ValueError("bad"), ValueError)]
)
def test_failure_leaves_the_old_folder(
    tmp_path: Path, error: Exception, seen: type[Exception]
) -> None:
    folder = tmp_path / "vocabulary"
    write_folder(folder, lambda aside: (aside / "old").touch())

    def write(aside: Path) -> None:
        (aside / "new").touch()
        raise error

    with pytest.raises(seen):
        write_folder(folder, write)
    assert everything(tmp_path) == ["vocabulary", "vocabulary/old"]


def test_a_failed_move_restores_the_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "vocabulary"
    write_folder(folder, lambda aside: (aside / "old").touch())
    move = os.replace

    def replace(source: Path, target: Path) -> None:
        if str(source).endswith(".partial"):
            raise OSError("no")
        move(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(UserError, match="cannot write"):
        write_folder(folder, lambda aside: (aside / "new").touch())
    assert everything(tmp_path) == ["vocabulary", "vocabulary/old"]


def test_leftovers_of_a_killed_run_are_replaced(tmp_path: Path) -> None:
    (tmp_path / ".vocabulary.partial" / "half").mkdir(parents=True)
    (tmp_path / ".text.partial").write_text("half", encoding="utf-8")
    write_folder(tmp_path / "vocabulary", lambda aside: (aside / "whole").touch())
    write_text(tmp_path / "text", "whole")
    assert everything(tmp_path) == ["text", "vocabulary", "vocabulary/whole"]
    assert (tmp_path / "text").read_text(encoding="utf-8") == "whole"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to serve with a file; downloads are stored in the folder `cache` next to it."""
    use_cache(tmp_path / "cache", monkeypatch)
    write_text(tmp_path / "served" / "text", "字")
    return tmp_path / "served"


@pytest.mark.parametrize("path", ["text", "a/b.txt", "/no/such/file", "", "C:\\text", "http:/text"])
def test_a_local_path_is_unchanged(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cache(tmp_path / "cache", monkeypatch)
    assert local_path(path) == Path(path) and local_path(Path(path)) == Path(path)
    assert not is_url(path) and not is_url(Path("http://text"))
    assert everything(tmp_path) == []


def test_a_url_is_downloaded_once(served: Path, tmp_path: Path) -> None:
    with serving(served) as server:
        paths = {local_path(f"{server.url}/text") for _ in range(3)}
        assert server.asked == ["/text"]
        (path,) = paths
        assert path.parent == tmp_path / "cache" and path.read_text(encoding="utf-8") == "字"
        write_text(served / "text", "another")
        assert local_path(f"{server.url}/text").read_text() == "another"
        assert server.asked == ["/text", "/text"]
        url = f"{server.url}/text"
    # The server is stopped: the cached copy is used.
    assert local_path(url).read_text() == "another"


def test_a_failed_download_is_a_user_error(served: Path, tmp_path: Path) -> None:
    (served / "broken").mkdir()
    (served / "broken" / "text").write_bytes(bytes(100_000))
    with serving(served) as server:
        with pytest.raises(UserError, match=f"^cannot download {server.url}/missing: not found$"):
            local_path(f"{server.url}/missing")
        with pytest.raises(
            UserError, match=f"^cannot download {server.url}/broken/text: .*IncompleteRead"
        ):
            local_path(f"{server.url}/broken/text")
        url = f"{server.url}/text"
    with pytest.raises(UserError, match=f"^cannot download {url}: .*refused"):
        local_path(url)
    assert all(name.endswith(".lock") for name in everything(tmp_path / "cache"))


@pytest.mark.parametrize("url", ["nothing://text", "http://", "file:///no/such/file"])
def test_an_invalid_url_is_an_error(url: str, served: Path) -> None:
    with pytest.raises(UserError, match=f"^cannot download {url}: "):
        local_path(url)


def test_a_file_url(served: Path) -> None:
    assert local_path(f"file://{served / 'text'}").read_text(encoding="utf-8") == "字"


def test_configs_and_corpora_at_urls(served: Path) -> None:
    write_text(served / "config.jsonnet", "{ a: 1 + 1 }")
    write_text(served / "bad.train", "去0\tO\n\n机0\tO-HO\n")
    with serving(served) as server:
        assert load_config(f"{server.url}/config.jsonnet", '{"b": 3}') == {"a": 2, "b": 3}
        with pytest.raises(DataError, match=f"^{server.url}/bad.train:3: found 'O-HO'"):
            WeiboReader().read(f"{server.url}/bad.train")
        with pytest.raises(DataError, match=f"^{server.url}/text:1: "):
            WeiboReader().read(f"{server.url}/text")
        with pytest.raises(UserError, match=f"^cannot download {server.url}/missing: not found"):
            WeiboReader().read(f"{server.url}/missing")
