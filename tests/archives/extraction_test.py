"""Malicious and invalid archives: refused with a reason, and nothing is left behind."""

import gzip
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ner_adv_plugin
from ner_adv_plugin.archives import extraction
from ner_adv_plugin.archives.extraction import opened
from ner_adv_plugin.common.errors import UserError
from tests.archives.crafting import (
    SOUND,
    Refused,
    everything,
    member,
    sound_members,
    tar_of,
    with_sound,
)


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("prefix", ["", "./"])
def test_a_valid_archive_is_extracted_and_deleted(
    tmp_path: Path, temporary: Path, format: int, prefix: str
) -> None:
    names = {".": b"", "vocabulary": b"", "vocabulary/encoder": b""} if prefix else {}
    folders = [member(name, type=tarfile.DIRTYPE, mode=0) for name in names]
    files = [member(prefix + name, content, mode=0o4777) for name, content in SOUND.items()]
    (tmp_path / "model.tar.gz").write_bytes(gzip.compress(tar_of(*folders, *files, format=format)))
    with opened(tmp_path / "model.tar.gz") as folder:
        assert folder.parent == temporary
        found = everything(folder)
        assert {name: content for name, content in found.items() if content is not None} == SOUND
        assert not any((folder / name).stat().st_mode & 0o4111 for name in SOUND)
    assert everything(temporary) == {}
    with pytest.raises(ZeroDivisionError), opened(tmp_path / "model.tar.gz"):
        raise ZeroDivisionError
    assert everything(temporary) == {}


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "vocabulary/../../escaped",
        "fta/../../escaped",
        "fta/../config.json",
        "..",
        "fta/..",
    ],
)
def test_a_member_outside_of_the_archive_is_refused(refused: Refused, name: str) -> None:
    assert refused(with_sound(member(name, b"evil"))).endswith(
        f"is not a valid archive: {name!r} points outside of the archive"
    )


@pytest.mark.parametrize("name", ["{}/escaped", "//{}/escaped", "/config.json"])
def test_an_absolute_member_is_refused(refused: Refused, tmp_path: Path, name: str) -> None:
    name = name.format(tmp_path)
    assert refused(with_sound(member(name, b"evil"))).endswith(
        f"{name!r} points outside of the archive"
    )


def test_tarfile_refuses_it_as_well(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "_check_member", lambda member: None)
    assert "would be extracted to" in refused(with_sound(member("../escaped", b"evil")))
    link = member("fta/link", type=tarfile.SYMTYPE, linkname="../../..")
    assert "would link to" in refused(with_sound(link))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["{}/outside", "../../outside", "../config.json", "config.json"])
def test_a_link_is_refused(refused: Refused, tmp_path: Path, kind: bytes, target: str) -> None:
    (tmp_path / "outside").mkdir()
    link = member("fta/link", type=kind, linkname=target.format(tmp_path))
    message = refused(with_sound(link, member("fta/link/escaped", b"evil")))
    assert message.endswith("'fta/link' is neither a plain file nor a folder")


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, b"Z"])
def test_a_device_is_refused(refused: Refused, kind: bytes) -> None:
    message = refused(with_sound(member("fta/pipe", type=kind, devmajor=1, devminor=5)))
    assert "'fta/pipe' is neither a plain file nor a folder" in message


def test_a_bomb_of_declared_size_is_refused(refused: Refused) -> None:
    message = refused(
        gzip.compress(tar_of(*sound_members()[1:], member("config.json", b"{}", size=10**15)))
    )
    assert (
        "it claims to unpack to 1000000000000" in message
        and "unpack it yourself and pass the folder" in message
    )


def test_a_bomb_that_unpacks_to_what_it_declares_is_refused(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "FREE_BYTES", 2**20)
    bomb = gzip.compress(
        tar_of(*sound_members()[3:], *(member(f"fta/{i}", bytes(2**20)) for i in range(16)))
    )
    assert "it claims to unpack to" in refused(bomb)


def test_a_stream_longer_than_its_members_is_refused(refused: Refused) -> None:
    message = refused(gzip.compress(tar_of(*sound_members()) + bytes(2**22)))
    assert message.endswith("it unpacks to more than its members declare")


def test_a_header_as_large_as_a_bomb_is_refused(refused: Refused) -> None:
    message = refused(with_sound(member("fta/a", pax_headers={"comment": "0" * 2**22})))
    assert message.endswith("it unpacks to more than its members declare")


def old_sparse(name: str, size: int) -> bytes:
    """Return a sparse member in the format of old versions of GNU tar."""
    info, _ = member(name, type=tarfile.GNUTYPE_SPARSE)
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (size, 0)
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.map": "1000000000000,0", "GNU.sparse.size": "1000000000000"},
        {
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": "fta/holes",
            "GNU.sparse.realsize": "1000000000000",
        },
        None,
    ],
)
def test_a_sparse_member_is_refused(refused: Refused, headers: dict[str, str] | None) -> None:
    if headers is None:
        content = gzip.compress(old_sparse("fta/holes", 8 * 2**30 - 1) + tar_of(*sound_members()))
    else:
        content = with_sound(
            member("fta/holes", b"1\n1000000000000\n0\n".ljust(512, b"\0"), pax_headers=headers)
        )
    assert refused(content).endswith("'fta/holes' is neither a plain file nor a folder")


def test_a_negative_size_is_refused(refused: Refused) -> None:
    message = refused(
        gzip.compress(tar_of(member("config.json", size=-1024), format=tarfile.GNU_FORMAT))
    )
    assert message.endswith("'config.json' is neither a plain file nor a folder")


def test_too_many_members_are_refused(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "MOST_MEMBERS", 50)
    message = refused(with_sound(*(member(f"fta/{i}") for i in range(45))))
    assert message.endswith("it holds more than 50 files and folders")


def test_a_long_name_is_refused(refused: Refused) -> None:
    message = refused(with_sound(member("fta" + "/a" * 5000)))
    assert message.endswith("it holds a name of 10003 characters, at most 300 are allowed")
    assert "name too long" in refused(with_sound(member("fta/" + "字" * 200)))


@pytest.mark.parametrize(
    "name", ["config.json", "./config.json", "fta//notes.txt", "fta/./notes.txt"]
)
def test_a_duplicate_member_is_refused(refused: Refused, name: str) -> None:
    assert refused(with_sound(member(name, b"other"))).endswith(f"it holds {name!r} twice")


@pytest.mark.parametrize(
    "name",
    [
        "evil.py",
        "evil\x1b[2J",
        "weights.safetensors/a",
        "best.th",
        "vocabulary",
        "fta",
        "vocabularyx/a",
        "~/a",
        "",
        "字.json",
    ],
)
def test_an_unexpected_file_is_refused(refused: Refused, name: str) -> None:
    message = refused(gzip.compress(tar_of(*sound_members()[:3], member(name, b"evil"))))
    assert message.endswith(f"{name!r} is not part of an archive") and "\x1b" not in message


@pytest.mark.parametrize("name", ["config.json", "log", "vocabularyx"])
def test_an_unexpected_folder_is_refused(refused: Refused, name: str) -> None:
    message = refused(gzip.compress(tar_of(member(name, type=tarfile.DIRTYPE))))
    assert message.endswith(f"{name!r} is not part of an archive")


def test_a_file_instead_of_a_folder_is_refused(refused: Refused) -> None:
    assert "fta/notes.txt/a" in refused(with_sound(member("fta/notes.txt/a", b"evil")))
    assert "a directory" in refused(with_sound(member("vocabulary/encoder", b"evil")))


@pytest.mark.parametrize("name", ["config.json", "meta.json", "weights.safetensors"])
def test_a_missing_member_is_reported(refused: Refused, name: str) -> None:
    kept = [member for member in sound_members() if member[0].name != name]
    assert refused(gzip.compress(tar_of(*kept))).endswith(
        f"is not a valid archive: {name} is missing"
    )


def test_weights_in_both_forms_are_refused(refused: Refused) -> None:
    message = refused(with_sound(member("weights.th", b"weights")))
    assert message.endswith("it holds both weights.safetensors and weights.th")


def test_a_truncated_gzip_file_is_refused(refused: Refused) -> None:
    packed = with_sound()
    for end in range(len(packed)):
        assert "is not a valid archive" in refused(packed[:end])


def test_a_truncated_tar_file_is_refused(refused: Refused) -> None:
    whole = tar_of(*sound_members())
    content = len(whole.rstrip(b"\0"))
    for end in range(0, content + 511, 64):
        assert "is not a valid archive" in refused(gzip.compress(whole[:end]))
    assert "the end-of-archive marker is missing" in refused(
        gzip.compress(whole[: -(-content // 512) * 512])
    )


def test_a_damaged_header_is_not_the_end_of_the_archive(refused: Refused) -> None:
    whole = bytearray(tar_of(*sound_members()))
    for start in range(512, len(whole), 512):
        if whole[start + 257 : start + 262] == b"ustar":
            damaged = whole.copy()
            damaged[start] ^= 1
            assert "the end-of-archive marker is missing" in refused(gzip.compress(damaged))


def test_a_wrong_checksum_is_refused(refused: Refused) -> None:
    packed = bytearray(with_sound())
    for place in range(len(packed) - 8, len(packed)):
        packed[place] ^= 1
        assert "is not a valid archive" in refused(bytes(packed))
        packed[place] ^= 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        gzip.compress(b"no tar in here" * 100, mtime=0),
        tar_of(*sound_members()),
        with_sound() + b"x",
    ],
    ids=["empty", "text", "packed text", "not packed", "something after it"],
)
def test_other_formats_are_refused(refused: Refused, content: bytes) -> None:
    assert "is not a valid archive" in refused(content)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("{", "is not a valid archive: meta.json is not valid"),
        ("[1]", "is not a valid archive: meta.json is not valid"),
        ("[" * 100_000, "is not a valid archive: meta.json is not valid"),
        (
            "{}",
            "has no archive format, this version reads 2, 3 and 4 "
            "(written by an unknown version, read by",
        ),
        ('{"archive_format": "2"}', "has archive format '2', this version reads 2, 3 and 4"),
        (
            '{"archive_format": 5, "ner_adv_plugin": "9.8.7"}',
            "has archive format 5, this version reads 2, 3 and 4 "
            "(written by ner_adv_plugin 9.8.7, read by ner_adv_plugin "
            f"{ner_adv_plugin.__version__}): install the version that wrote it, or train again",
        ),
        (
            '{"archive_format": 1, "ner_adv_plugin": "0.1.0"}',
            "has archive format 1, this version reads 2, 3 and 4 "
            "(written by ner_adv_plugin 0.1.0, read by ner_adv_plugin "
            f"{ner_adv_plugin.__version__}): install the version that wrote it, or train again",
        ),
    ],
)
def test_an_archive_of_another_format_is_refused(refused: Refused, meta: str, message: str) -> None:
    crafted = {**SOUND, "meta.json": meta.encode()}
    assert message in refused(gzip.compress(tar_of(*(member(*item) for item in crafted.items()))))


def test_a_folder_is_opened_as_it_is(tmp_path: Path, temporary: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    for meta in (None, {"archive_format": 2}):
        if meta:
            (folder / "meta.json").write_text(json.dumps(meta))
        with opened(folder) as found:
            assert found == folder
    (folder / "meta.json").write_text(json.dumps({"archive_format": 5}))
    with pytest.raises(UserError, match="run has archive format 5"), opened(folder):
        pytest.fail("it was opened")
    assert folder.is_dir() and everything(temporary) == {}


def test_a_full_disk_is_reported_as_such(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "model.tar.gz").write_bytes(with_sound())
    monkeypatch.setattr(tarfile, "copyfileobj", full)
    with (
        pytest.raises(UserError, match="cannot unpack .*No space left on device"),
        opened(tmp_path / "model.tar.gz"),
    ):
        pytest.fail("it was opened")
    assert everything(temporary) == {}


@given(
    st.lists(st.text("./ab\\:~\0", max_size=12), max_size=3),
    st.sampled_from(["", "fta/", "vocabulary/"]),
)
def test_nothing_is_written_elsewhere_for_any_names(names: list[str], prefix: str) -> None:
    with tempfile.TemporaryDirectory() as parent:
        place = Path(parent) / "deep" / "deep"
        place.mkdir(parents=True)
        path = place / "model.tar.gz"
        path.write_bytes(with_sound(*(member(prefix + name, b"x") for name in names)))
        before = everything(Path(parent))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tempfile.tempdir", str(place))
            try:
                with opened(path) as folder:
                    inside = {str(path) for path in everything(folder)}
                    assert {
                        name for name in inside if not name.startswith(("fta", "vocabulary"))
                    } == {
                        "config.json",
                        "meta.json",
                        "weights.safetensors",
                    }
                    extracted = str(folder.relative_to(parent))
                    found = everything(Path(parent))
                    assert {
                        name: found[name] for name in found if not name.startswith(extracted)
                    } == before
            except UserError:
                pass
        assert everything(Path(parent)) == before
