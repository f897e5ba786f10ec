"""A corpus with nested entities, made from PFR text whose bracketed compounds were flattened.

`python -m benchmarks.nested_pfr IN FOLDER` puts brackets around organisations again by a rule: a place name (ns), any
nouns after it, and a noun that names a kind of organisation make an nt compound; every longer one that goes on from it
nests it. The reader "pfr" with `overlaps: "keep"` then reads places inside organisations, and organisations inside
others. Of the lines that have a compound the first 1,500 are written to `train.txt`, the others to `dev.txt`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

KINDS = [
    "大学",
    "学院",
    "学校",
    "中学",
    "小学",
    "幼儿园",
    "公司",
    "集团",
    "银行",
    "工厂",
    "医院",
    "法院",
    "检察院",
    "政府",
    "委员会",
    "研究所",
    "研究院",
    "协会",
    "学会",
    "联合会",
    "基金会",
    "中心",
    "出版社",
    "报社",
    "电视台",
    "电台",
    "博物馆",
    "图书馆",
    "剧院",
    "歌舞团",
    "交响乐团",
    "代表团",
    "代表处",
    "领事馆",
    "大使馆",
    "警察局",
    "公安局",
    "邮电局",
    "税务局",
    "分局",
    "支行",
    "分行",
    "总部",
    "商会",
    "工会",
    "体委",
    "党委",
    "省委",
    "市委",
    "县委",
    "人大",
    "政协",
    "法庭",
    "议会",
    "国会",
    "足球队",
    "女排",
    "男排",
    "俱乐部",
]
INSIDE = {"n", "nz", "vn", "j", "b", "ns", "an"}
LONGEST = 6
TRAINING_LINES = 1500


def bracketed(items: Sequence[str]) -> list[str]:
    """The items of a line with compounds in brackets.

    # Parameters

    items : `word/pos` each.
    """
    pairs = [item.rsplit("/", 1) for item in items]
    found, position = list(items), 0
    while position < len(items):
        ends = _ends(pairs, position)
        for end in ends:
            found[position] = "[" + found[position]
            found[end] += "]nt"
        position = ends[-1] + 1 if ends else position + 1
    return found


def _ends(pairs: Sequence[Sequence[str]], start: int) -> list[int]:
    """The last items of the compounds that begin at an item, rising."""
    if pairs[start][1] != "ns":
        return []
    ends = []
    for end in range(start + 1, min(start + LONGEST, len(pairs))):
        word, part_of_speech = pairs[end]
        if part_of_speech not in INSIDE:
            break
        if part_of_speech in ("n", "j") and word.endswith(tuple(KINDS)):
            ends.append(end)
    return ends


def main(source: str, folder: str) -> None:
    """Write the lines that have compounds, with brackets."""
    lines = (
        "  ".join(bracketed(line.split()))
        for line in Path(source).read_text(encoding="utf-8").splitlines()
    )
    nested = [line for line in lines if "[" in line]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, own in (("train.txt", nested[:TRAINING_LINES]), ("dev.txt", nested[TRAINING_LINES:])):
        (Path(folder) / name).write_text("\n".join(own) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
