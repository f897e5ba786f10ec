"""Archives: a changed archive is refused, or predicts exactly the same."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load

from ner_adv_plugin.archives import load_archive
from ner_adv_plugin.common.errors import UserError
from ner_adv_plugin.inference import Tagger
from tests.archives.crafting import member, tar_of
from tests.fuzz.harness import Case, expect
from tests.fuzz.models import HEADS, trained
from tests.fuzz.text import damaged

Contents = dict[str, bytes]
TEXTS = [{"sentence": text} for text in ("我在北京大学见到了王小明", "下雨了", "😀a b　上海")]
VALUES: tuple[Any, ...] = (None, True, -1, 0, 3, 0.5, "x", "BIOES", "crf", [], {}, [None], {"a": 1})


class Archive:
    """Draws changed archives and loads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole = trained(folder).read_bytes()
        with tarfile.open(fileobj=io.BytesIO(self.whole)) as archive:
            files = {info.name: archive.extractfile(info) for info in archive if info.isreg()}
            self.contents = {name: file.read() for name, file in files.items() if file}
        self.expected = {head: self._answers(self.folder / "run", head) for head in HEADS}

    def draw(self, chance: random.Random) -> Case:
        kind = chance.choice(("bytes", "member", "lines", "json", "tensor", "missing", "sealed"))
        if kind == "bytes":
            content = damaged(self.whole, chance)
            return Case(kind, {"model.tar.gz": content}, {"head": chance.choice(HEADS)})
        contents = dict(self.contents)
        for _ in range(chance.choice((1, 1, 2))):
            change = chance.choice(("member", "lines", "json", "tensor", "missing"))
            _CHANGES[change if kind == "sealed" else kind](contents, chance)
        if kind == "sealed":
            _seal(contents)
        members = [member(name, content) for name, content in contents.items()]
        if chance.random() < 0.1:
            chance.shuffle(members)
        packed = gzip.compress(tar_of(*members), 1, mtime=0)
        return Case(kind, {"model.tar.gz": packed}, {"head": chance.choice(HEADS)})

    def check(self, case: Case) -> str:
        path = self.folder / "changed.tar.gz"
        path.write_bytes(case.files["model.tar.gz"])
        head = case.settings["head"]
        try:
            answers = self._answers(path, head)
        except UserError as error:
            expect(str(path) in str(error), f"the error does not name the archive: {error}")
            expect("/ner_adv_plugin-" not in str(error), f"it names a temporary folder: {error}")
            return "refused"
        if case.kind != "sealed":
            expect(answers == self.expected[head], "it predicts something else")
            return "the same"
        for answer, asked in zip(answers, TEXTS, strict=True):
            for entity in answer.get("entities", ()):
                text = asked["sentence"][entity["start"] : entity["end"]]
                expect(entity["text"] == text, f"{entity} is not at its offsets")
        return "the same" if answers == self.expected[head] else "another model, with its digests"

    def _answers(self, path: Path, head: str) -> list[dict[str, Any]]:
        archive = load_archive(path, only_heads=[head])
        return Tagger(archive, head).predict_batch_json(TEXTS)


def _member(contents: Contents, chance: random.Random) -> None:
    name = chance.choice(list(contents))
    contents[name] = damaged(contents[name], chance)


def _lines(contents: Contents, chance: random.Random) -> None:
    """Reorder, double, drop or replace lines of a file of the vocabulary."""
    name = chance.choice([name for name in contents if name.endswith(".txt")])
    lines = contents[name].splitlines(keepends=True) or [b'""\n']
    index = chance.randrange(len(lines))
    match chance.randrange(5):
        case 0:
            chance.shuffle(lines)
        case 1:
            lines.insert(chance.randrange(len(lines)), lines[index])
        case 2:
            del lines[index]
        case 3:
            lines[index] = json.dumps(chance.choice(("x", "", 5, "北", "PER"))).encode() + b"\n"
        case 4:
            other = chance.choice([name for name in contents if name.endswith(".txt")])
            lines = contents[other].splitlines(keepends=True)
    contents[name] = b"".join(lines)


def _json(contents: Contents, chance: random.Random) -> None:
    """Change, rename or drop a key of a JSON file."""
    name = chance.choice([name for name in contents if name.endswith(".json")])
    try:
        value = json.loads(contents[name])
    except ValueError:
        return
    change_json(value, chance)
    contents[name] = json.dumps(value, ensure_ascii=False).encode()


def change_json(value: Any, chance: random.Random, values: tuple[Any, ...] = VALUES) -> None:
    """Change one place of a JSON value: drop it, rename it, replace it, or move it."""
    places: list[tuple[Any, Any]] = []
    pending = [value]
    while pending:
        node = pending.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        places += [(node, key) for key in keys]
        pending += [node[key] for key in keys if isinstance(node[key], dict | list)]
    if not places:
        return
    node, key = chance.choice(places)
    match chance.randrange(5):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[chance.choice((key + "x", key[:-1], "type", "a"))] = node.pop(key)
        case 2:
            other, other_key = chance.choice(places)
            node[key] = json.loads(json.dumps(other[other_key]))
        case _:
            node[key] = chance.choice(values)


def _tensor(contents: Contents, chance: random.Random) -> None:
    """Change a tensor: its values, type or shape, or whether it is there."""
    try:
        if "weights.safetensors" in contents:
            state = load(contents.pop("weights.safetensors"))
        else:
            state = torch.load(io.BytesIO(contents["weights.th"]), weights_only=True)
    except Exception:
        return
    name = chance.choice([name for name, value in state.items() if torch.is_tensor(value)])
    tensor = state[name]
    match chance.randrange(8):
        case 0:
            state[name] = tensor * float("nan")
        case 1:
            state[name] = tensor / 0
        case 2:
            state[name] = tensor.to(chance.choice((torch.complex64, torch.int64, torch.bool)))
        case 3:
            state[name] = tensor.unsqueeze(0)
        case 4:
            del state[name]
        case 5:
            state[name + "x"] = tensor
        case 6:
            state[name] = torch.rand_like(tensor) if tensor.is_floating_point() else tensor + 1
        case 7:
            state[name] = chance.choice((None, [1], "x", tensor.to_sparse(), tensor.half()))
    written = io.BytesIO()
    torch.save(state, written)
    contents["weights.th"] = written.getvalue()


def _missing(contents: Contents, chance: random.Random) -> None:
    """Remove, rename or add a file."""
    name = chance.choice(list(contents))
    content = contents.pop(name) if chance.random() < 0.8 else contents[name]
    if chance.random() < 0.5:
        contents[chance.choice((name + "x", "vocabulary/x.txt", "fta/x", "x/" + name))] = content


def _seal(contents: Contents) -> None:
    """Write the digests of the changed files, as if they had always been so."""
    try:
        meta = json.loads(contents["meta.json"])
        meta["digests"] = {
            name: hashlib.sha256(content).hexdigest()
            for name, content in contents.items()
            if name != "meta.json"
        }
    except (KeyError, ValueError, TypeError):
        return
    contents["meta.json"] = json.dumps(meta).encode()


_CHANGES = {
    "member": _member,
    "lines": _lines,
    "json": _json,
    "tensor": _tensor,
    "missing": _missing,
}
