"""Synthetic sentences with entities: any number of them, from the grammars of the fixtures."""

import random
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
# Distinct headlines and sentences that are combined in pairs.
POOL = 4000
COMMA = "，\tO\n"
SENTENCES_PER_WRITE = 10_000


def write_corpus(path: Path, sentences: int, seed: int = 0, held_out: Path | None = None) -> None:
    """Write sentences in CoNLL format, one character and its BIO tag per line, all different.

    Each is a headline and a sentence of the news grammar, joined by a comma: on average 35
    characters with three entities.

    # Parameters

    path : the file.
    sentences : number of its sentences.
    seed : determines the sentences; a smaller corpus is not a part of a larger one.
    held_out : a second file, of a hundredth of the sentences, none of which is in the first.
    """
    heads, bodies = (_tagged(symbol) for symbol in ("headline", "body"))
    held_out_sentences = 0 if held_out is None else max(10, sentences // 100)
    pairs = np.random.default_rng(seed).choice(
        POOL * POOL, sentences + held_out_sentences, replace=False
    )
    for file, own in ((path, pairs[:sentences]), (held_out, pairs[sentences:])):
        if file is None:
            continue
        with open(file, "w", encoding="utf-8") as stream:
            for start in range(0, len(own), SENTENCES_PER_WRITE):
                stream.writelines(
                    f"{heads[pair // POOL]}{COMMA}{bodies[pair % POOL]}"
                    for pair in own[start : start + SENTENCES_PER_WRITE].tolist()
                )


@cache
def _tagged(symbol: str) -> list[str]:
    """Return `POOL` distinct sentences of a symbol of the grammar, as lines of a file."""
    sys.path.insert(0, str(FIXTURES))
    try:
        sentences, generate = import_module("sentences"), import_module("generate")
    finally:
        sys.path.remove(str(FIXTURES))

    source = sentences.Source(sentences.Grammar(FIXTURES / "grammar"))
    rng = random.Random(symbol)
    drawn = [source.draw(symbol, rng) for _ in range(POOL)]
    # Only the second of a pair ends with the blank line that parts sentences.
    blank = "" if symbol == "headline" else "\n"
    return [f"{generate.tagged([sentence], chr(9)).rstrip()}\n{blank}" for sentence in drawn]
