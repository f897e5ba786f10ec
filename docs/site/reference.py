"""The generated part of the reference."""

from pathlib import Path

from docs.site import commands, components
from ner_adv_plugin.commands.plugins import import_components


def write(folder: Path) -> None:
    """Write all pages below a folder; pages that are there and unchanged keep their times."""
    import_components([])
    pages = {folder / f"{path}.md": text for path, text in _pages().items()}
    for stale in set(folder.rglob("*.md")) - pages.keys():
        stale.unlink()
    for path, text in pages.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _pages() -> dict[str, str]:
    return components.pages() | commands.pages()
