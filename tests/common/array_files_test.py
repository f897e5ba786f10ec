"""Files of named arrays: read as written, refused if damaged, complete or absent at any time."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from ner_adv_plugin.common.array_files import PARTIAL, read_arrays, write_arrays

dtypes = st.sampled_from(["u1", "<i2", "<i4", "<i8", "<f4"])
arrays = st.dictionaries(
    st.text(max_size=3),
    dtypes.flatmap(lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_side=0))),
    max_size=4,
)


@given(arrays, st.dictionaries(st.text(max_size=2), st.lists(st.text(max_size=2))))
@settings(max_examples=50, deadline=None)
def test_read_as_written(tmp_path_factory, arrays, meta):
    path = tmp_path_factory.mktemp("arrays") / "folder" / "a.arrays"
    write_arrays(path, arrays, meta)
    found, found_meta = read_arrays(path)
    assert found_meta == meta and found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_damage_is_found(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("arrays") / "a.arrays"
    write_arrays(path, {"a": np.arange(20), "b": np.zeros((2, 3), np.int16)}, {"n": 1})
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path.write_bytes(content)
    with pytest.raises(ValueError):
        read_arrays(path)


def test_changes_stay_in_memory(tmp_path: Path):
    path = tmp_path / "a.arrays"
    write_arrays(path, {"a": np.arange(3)}, None)
    read_arrays(path)[0]["a"][:] = 7
    assert read_arrays(path)[0]["a"].tolist() == [0, 1, 2]


def test_a_writer_that_is_killed_leaves_the_file_as_it_was(tmp_path: Path):
    path = tmp_path / "a.arrays"
    write_arrays(path, {"a": np.arange(3)}, None)
    code = (
        "import os, pathlib, sys, numpy as np\n"
        "from ner_adv_plugin.common.array_files import write_arrays\n"
        "os.fsync = lambda _: os.kill(os.getpid(), 9)\n"
        "write_arrays(pathlib.Path(sys.argv[1]), {'a': np.arange(9)}, None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)])
    assert done.returncode == -9
    assert read_arrays(path)[0]["a"].tolist() == [0, 1, 2]
    assert len(list(tmp_path.glob(f"*{PARTIAL}"))) == 1


def test_a_full_disk_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_arrays(tmp_path / "a.arrays", {"a": np.arange(3)}, None)
    assert not list(tmp_path.iterdir())
