"""`allennlp recipes`."""

import argparse
import os
import shutil
from pathlib import Path

from ner_adv_plugin.common.errors import UserError, nearest

PACKAGE = Path(__file__).resolve().parents[1]
# What `--copy` copies: the configs, the corpora and encoder that they read by default, and studies.
FOLDERS = ("training_configs", "fixtures", "studies")
# Not copied: results of studies.
LEFT_OUT = ("__pycache__", "results")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recipe to print, or the folder to copy all of them to."""
    parser.add_argument("name", nargs="?", help="recipe to print; without it, all are listed")
    parser.add_argument(
        "--copy", metavar="FOLDER", help=f"copy {', '.join(FOLDERS)} to this folder"
    )
    parser.add_argument(
        "-f", "--force", action="store_true", help="with --copy: replace files that exist"
    )


def run(arguments: argparse.Namespace) -> None:
    """List the recipes that come with the package, print one, or copy all of them."""
    if arguments.copy is None and arguments.force:
        raise UserError("--force needs --copy")
    if arguments.copy is not None and arguments.name is not None:
        raise UserError(f'--copy copies all recipes: leave out "{arguments.name}"')

    root = _root()
    if arguments.copy is not None:
        _copy(root, Path(arguments.copy), arguments.force)
    elif arguments.name is not None:
        print(_recipe(root, arguments.name).read_text(encoding="utf-8"), end="")
    else:
        _list(root)


def recipe_names() -> list[str]:
    """Return the names of all recipes."""
    return list(_recipes(_root()))


def _root() -> Path:
    """Return the folder of the recipes: inside an installed package, beside a clone's."""
    for root in (PACKAGE / "_recipes", PACKAGE.parent):
        if (root / "training_configs" / "adv.jsonnet").is_file():
            return root
    raise UserError(f"{PACKAGE} was installed without its recipes: install it with pip")


def _copy(root: Path, target: Path, force: bool) -> None:
    """Copy the folders and print what was written; check all of them before the first is copied."""
    for name in FOLDERS:
        folder = target / name
        if folder.resolve().is_relative_to((root / name).resolve()):
            raise UserError(f"{folder} is where the recipes are copied from")
        if os.path.lexists(folder) and not force:
            raise UserError(f"{folder} exists: --force replaces its files that have the same name")

    for name in FOLDERS:
        shutil.copytree(
            root / name,
            target / name,
            ignore=shutil.ignore_patterns(*LEFT_OUT),
            dirs_exist_ok=True,
        )
        print(target / name)


def _recipe(root: Path, name: str) -> Path:
    """Return the file of a recipe; `UserError` with the nearest name if it is missing."""
    recipes = _recipes(root)
    if name not in recipes:
        raise UserError(
            f'no recipe "{name}".{nearest(name, recipes)} `allennlp recipes` lists all.'
        )
    return recipes[name]


def _list(root: Path) -> None:
    """Print name and first comment line of each recipe."""
    recipes = _recipes(root)
    width = max(map(len, recipes))
    for name, file in recipes.items():
        first = file.read_text(encoding="utf-8").partition("\n")[0]
        print(f"{name:<{width}}  {first.removeprefix('//').strip()}")


def _recipes(root: Path) -> dict[str, Path]:
    """Return the files of all recipes by name, such as "adv" or "real/weibo_single"."""
    folder = root / "training_configs"
    files = {
        file.relative_to(folder).with_suffix("").as_posix(): file
        for file in folder.rglob("*.jsonnet")
    }
    # The recipes to start from come before those in folders.
    return {name: files[name] for name in sorted(files, key=lambda name: ("/" in name, name))}
