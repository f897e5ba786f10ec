import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.common.plugins import import_components
from ner_adv_plugin.data.samplers import MultiTaskEpochSampler

SAMPLER = """
from ner_adv_plugin.data.samplers import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("{name}")
class Sampler(MultiTaskEpochSampler):
    def get_task_proportions(self, sizes):
        return dict(sizes)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a package of somebody's own; what is imported and registered is undone."""
    modules, names = set(sys.modules), dict(MultiTaskEpochSampler._registry[MultiTaskEpochSampler])
    package = tmp_path / "own_package"
    (package / "deep").mkdir(parents=True)
    for place, name in (("__init__", "own"), ("other", "other"), ("deep/__init__", "deep"), ("deep/last", "last")):
        (package / f"{place}.py").write_text(SAMPLER.format(name=f"{name}_of_a_test"))
    (package / "__main__.py").write_text("raise SystemExit('run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in set(sys.modules) - modules:
        del sys.modules[name]
    MultiTaskEpochSampler._registry[MultiTaskEpochSampler] = names


def registered_by_test() -> set[str]:
    return {name for name in MultiTaskEpochSampler.list_available() if name.endswith("_of_a_test")}


def test_imports_every_module_of_a_package(folder: Path) -> None:
    import_components(["own_package"])
    assert registered_by_test() == {"own_of_a_test", "other_of_a_test", "deep_of_a_test", "last_of_a_test"}
    assert str(folder) in sys.path


def test_imports_part_of_a_package(folder: Path) -> None:
    import_components(["own_package.deep", "own_package.deep"])
    assert registered_by_test() == {"own_of_a_test", "deep_of_a_test", "last_of_a_test"}


@pytest.mark.parametrize("name", ["no_such", "own_package.no_such", "no_such.deep", "own_package/deep"])
def test_no_such_package(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match=f'--include-package: no package "{name}" here or installed'):
        import_components([name])


@pytest.mark.parametrize("name", ["", ".", "./own_package", "own_package."])
def test_what_is_no_name_of_a_package(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="--include-package: expected the dotted name of a package"):
        import_components([name])


def test_a_package_that_misses_another(folder: Path) -> None:
    (folder / "own_package" / "wants.py").write_text("import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        import_components(["own_package"])
