"""Create a corpus with nested entities from PFR text whose bracketed compounds were flattened.

`python -m benchmarks.nested_pfr IN FOLDER` restores the brackets around organisations with a rule:
a location (ns), any number of nouns, and a noun that ends in a word such as "university" form an nt
compound. A longer compound with the same start contains the shorter ones. The reader "pfr" with
`overlaps: "keep"` then reads locations inside organisations, and organisations inside others. Of
the lines with a compound, the first 1,500 are written to `train.txt`, the others to `dev.txt`.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

# Endings of the last noun of an organisation.
ENDINGS = [
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
# Parts of speech of the nouns in between.
INSIDE = {"n", "nz", "vn", "j", "b", "ns", "an"}
# The largest number of words in a compound.
LONGEST = 6
TRAINING_LINES = 1500


def bracketed(items: Sequence[str]) -> list[str]:
    """Return the items of a line with compounds in brackets.

    # Parameters

    items : the words of a line as `word/pos`.
    """
    pairs = [item.rsplit("/", 1) for item in items]
    result = list(items)
    position = 0
    while position < len(items):
        ends = _ends(pairs, position)
        for end in ends:
            result[position] = "[" + result[position]
            result[end] += "]nt"
        position = ends[-1] + 1 if ends else position + 1

    return result


def _ends(pairs: Sequence[Sequence[str]], start: int) -> list[int]:
    """Return the indices of the last items of all compounds that start at an item, ascending."""
    if pairs[start][1] != "ns":
        return []
    ends = []
    for end in range(start + 1, min(start + LONGEST, len(pairs))):
        word, part_of_speech = pairs[end]
        if part_of_speech not in INSIDE:
            break
        if part_of_speech in ("n", "j") and word.endswith(tuple(ENDINGS)):
            ends.append(end)
    return ends


def main(source: str, folder: str) -> None:
    """Write the lines with compounds, in brackets, to `train.txt` and `dev.txt` of a folder."""
    lines = (
        "  ".join(bracketed(line.split()))
        for line in Path(source).read_text(encoding="utf-8").splitlines()
    )
    nested = [line for line in lines if "[" in line]
    splits = {"train.txt": nested[:TRAINING_LINES], "dev.txt": nested[TRAINING_LINES:]}

    Path(folder).mkdir(parents=True, exist_ok=True)
    for name, split in splits.items():
        (Path(folder) / name).write_text("\n".join(split) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
