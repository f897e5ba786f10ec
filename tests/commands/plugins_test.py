import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ner_adv_plugin.commands.plugins import GROUP, import_components
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler
from tests.commands.conftest import Run

SAMPLER = """
from ner_adv_plugin.data.batching.samplers import MultiTaskEpochSampler


@MultiTaskEpochSampler.register("{name}")
class Sampler(MultiTaskEpochSampler):
    def get_task_proportions(self, sizes):
        return dict(sizes)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder with a custom package; imports and registrations are undone."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    modules, names = set(sys.modules), dict(MultiTaskEpochSampler._registry[MultiTaskEpochSampler])
    package = tmp_path / "own_package"
    (package / "deep").mkdir(parents=True)
    for place, name in (
        ("__init__", "own"),
        ("other", "other"),
        ("deep/__init__", "deep"),
        ("deep/last", "last"),
    ):
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
    assert registered_by_test() == {
        "own_of_a_test",
        "other_of_a_test",
        "deep_of_a_test",
        "last_of_a_test",
    }
    assert str(folder) in sys.path


def test_imports_a_subpackage(folder: Path) -> None:
    import_components(["own_package.deep", "own_package.deep"])
    assert registered_by_test() == {"own_of_a_test", "deep_of_a_test", "last_of_a_test"}


@pytest.mark.parametrize(
    "name", ["no_such", "own_package.no_such", "no_such.deep", "own_package/deep"]
)
def test_a_missing_package(folder: Path, name: str) -> None:
    with pytest.raises(
        UserError,
        match=f'--include-package: package "{name}" is neither installed nor in the current folder',
    ):
        import_components([name])


@pytest.mark.parametrize("name", ["", ".", "./own_package", "own_package."])
def test_an_invalid_package_name(folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="--include-package: expected the dotted name of a package"):
        import_components([name])


def test_a_package_with_a_missing_dependency(folder: Path) -> None:
    (folder / "own_package" / "wants.py").write_text("import no_such_library")
    with pytest.raises(ModuleNotFoundError, match="no_such_library") as raised:
        import_components(["own_package"])
    assert raised.value.__notes__ == [
        'while importing "own_package.wants", named by --include-package'
    ]


def plugin_files(folder: Path, local: str | None, of_user: str | None) -> None:
    """Write `./.allennlp_plugins` and `~/.allennlp/plugins`."""
    (folder / "home" / ".allennlp").mkdir(parents=True)
    for file, text in ((".allennlp_plugins", local), ("home/.allennlp/plugins", of_user)):
        if text is not None:
            (folder / file).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("local", "of_user", "registered"),
    [
        ("own_package.deep\n", None, {"own", "deep", "last"}),
        (None, "own_package.other", {"own", "other"}),
        ("own_package.other\n", "own_package.deep.last\n", {"own", "other", "deep", "last"}),
        ("\n# ours\n\n  own_package.other  # and why\r\n#own_package.deep\n", "", {"own", "other"}),
        ("ner_adv_plugin\n", "\n", set()),
        (None, None, set()),
    ],
)
def test_plugin_files(
    folder: Path, local: str | None, of_user: str | None, registered: set[str]
) -> None:
    plugin_files(folder, local, of_user)
    import_components([])
    assert registered_by_test() == {f"{name}_of_a_test" for name in registered}


def test_plugin_files_are_imported_in_order_before_the_flag(folder: Path) -> None:
    for name in ("first", "second", "third"):
        (folder / f"{name}_package.py").write_text(
            "import own_package\nown_package.order.append(__name__)"
        )
    with (folder / "own_package" / "__init__.py").open("a") as file:
        file.write("\norder = []\n")
    plugin_files(folder, "first_package\n", "second_package\n")
    import_components(["third_package"])
    assert sys.modules["own_package"].order == ["first_package", "second_package", "third_package"]


@pytest.mark.parametrize(
    ("local", "of_user", "message"),
    [
        (
            "own_package\n\nno_such\n",
            None,
            '.allennlp_plugins:3: package "no_such" is neither installed nor in the current folder',
        ),
        (
            None,
            "# mine\nown_package.no_such",
            'home/.allennlp/plugins:2: package "own_package.no_such" is neither',
        ),
        (
            "../own_package",
            None,
            '.allennlp_plugins:1: expected the dotted name of a package, found "../own_package"',
        ),
    ],
)
def test_errors_in_a_plugin_file(
    folder: Path, local: str | None, of_user: str | None, message: str
) -> None:
    plugin_files(folder, local, of_user)
    with pytest.raises(UserError, match=f"{re.escape(message)}"):
        import_components([])


def test_a_failing_plugin_is_reported_with_file_and_line(folder: Path) -> None:
    (folder / "own_package" / "broken.py").write_text("1 / 0")
    plugin_files(folder, "\nown_package.broken\n", None)
    with pytest.raises(ZeroDivisionError) as raised:
        import_components([])
    assert raised.value.__notes__ == [
        'while importing "own_package.broken", named by .allennlp_plugins:2'
    ]


def test_a_plugin_file_that_is_not_text(folder: Path) -> None:
    (folder / ".allennlp_plugins").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=".allennlp_plugins: cannot read the list of packages: "):
        import_components([])


def install(folder: Path, value: str, distribution: str = "own-dist") -> None:
    """Fake an installed distribution on `sys.path` with the entry point "own" of this value."""
    metadata = folder / "installed" / f"{distribution.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nown = {value}\n")
    if str(folder / "installed") not in sys.path:
        sys.path.append(str(folder / "installed"))


@pytest.mark.parametrize(
    ("value", "registered"),
    [
        ("own_package", {"own", "other", "deep", "last"}),
        ("own_package.other", {"own", "other"}),
        ("own_package.deep", {"own", "deep", "last"}),
    ],
)
def test_entry_points_name_packages(folder: Path, value: str, registered: set[str]) -> None:
    install(folder, value)
    import_components([])
    assert registered_by_test() == {f"{name}_of_a_test" for name in registered}


def test_entry_points_of_several_distributions(folder: Path) -> None:
    install(folder, "own_package.other")
    install(folder, "own_package.deep", "another-dist")
    import_components(["own_package.other"])
    names = ("own", "other", "deep", "last")
    assert registered_by_test() == {f"{name}_of_a_test" for name in names}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such", 'package "no_such" is neither installed nor in the current folder'),
        (
            "own_package.other:Sampler",
            'package "own_package.other:Sampler" is neither installed nor in the current folder',
        ),
        (
            "own_package.broken",
            "cannot import \"own_package.broken\": ZeroDivisionError('division by zero')",
        ),
        (
            "own_package.wants",
            'cannot import "own_package.wants": ModuleNotFoundError("No module named \'no_lib\'")',
        ),
    ],
)
def test_a_broken_entry_point_is_named(folder: Path, value: str, message: str) -> None:
    (folder / "own_package" / "broken.py").write_text("1 / 0")
    (folder / "own_package" / "wants.py").write_text("import no_lib")
    install(folder, value)
    with pytest.raises(UserError) as raised:
        import_components([])
    assert str(raised.value) == f'entry point "own" of own-dist: {message}'


def test_this_project_has_an_entry_point(root: Path) -> None:
    assert (root / ".allennlp_plugins").read_text(encoding="utf-8").split() == ["ner_adv_plugin"]


def test_this_package_in_a_plugin_file_says_and_changes_nothing(run: Run) -> None:
    without = run("components", "crf_tagger")
    Path(".allennlp_plugins").write_text("ner_adv_plugin\nner_adv_plugin.models\n", "utf-8")
    assert run("components", "crf_tagger") == without
    assert (without.status, without.err) == (0, "")
