"""Tokens with one tag each: their tag scheme, and their text and spans."""

import logging
from collections.abc import Iterable, Sequence

from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.labels.spans import Span
from ner_adv_plugin.data.labels.tag_schemes import TagScheme, get_scheme
from ner_adv_plugin.data.reading.tag_guesses import is_bare, likely_scheme

logger = logging.getLogger(__name__)


def scheme_of(file: CorpusFile, sentences: Iterable[Sequence[str]], key: str) -> TagScheme:
    """Return the tag scheme of a file, and log its name.

    # Parameters

    file : the file.
    sentences : the tags of each of its sentences.
    key : the key with which the user names the scheme.

    # Raises

    DataError : if the tags are of no known scheme.
    """
    distinct = list(dict.fromkeys(map(tuple, sentences)))
    name = likely_scheme(distinct, segmentation=False)
    if name is None:
        tags = sorted({tag for tags in distinct for tag in tags})
        found = ", ".join(tags[:10]) + (", ..." if len(tags) > 10 else "")
        expected = "tags in BIO, IOB1, BIOES, BMES or BILOU"
        if tags and all(map(is_bare, tags)):
            expected += ": these are tags of words, set type: 'conll' and task: 'segmentation'"
        else:
            expected += f". Name the scheme with {key}"
        raise file.error(None, f"the tags {found}", expected)
    logger.info("%s: tags look like %s", file.path, name)
    return get_scheme(name)


def decoded(
    file: CorpusFile, scheme: TagScheme, tokens: Sequence[str], tags: Sequence[str], line: int
) -> tuple[str, list[Span]]:
    """Return the text of tokens, joined without spaces, and its spans.

    # Parameters

    file, line : place of the sentence.
    scheme : scheme of the tags.
    tokens : tokens of any number of characters.
    tags : the tag of each token.

    # Raises

    DataError : if a tag is not in the scheme, or if illegal tags are refused.
    """
    for tag in set(tags):
        try:
            scheme.parse(tag)
        except ValueError:
            expected = f"a {scheme.name} tag ({scheme.known_tags})"
            raise file.error(line, tag, expected) from None

    legal, changed = scheme.repair(tags)
    if changed:
        illegal = scheme.illegal(tags)
        if file.illegal_tags == "error":
            position = min(illegal[0], len(tags) - 1)
            raise file.error(line, list(tags), f"a legal tag in place of {tags[position]}")
        file.repaired += changed
        file.illegal_sentences[line] = len(illegal)
        file.counts.add("illegal tags repaired", line, changed, " as conlleval reads them")
    carried = [
        tag
        for token, of_token in zip(tokens, legal, strict=True)
        for tag in (scheme.carried(of_token, len(token)) if token else [])
    ]
    return "".join(tokens), scheme.spans(carried)


def words(text: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Divide a text into tokens: runs of ASCII letters and digits, or else single characters.

    No token crosses the edge of a span.

    # Examples

    >>> [*words("去IBM公司", [])]
    [(0, 1), (1, 4), (4, 5), (5, 6)]
    """
    edges = {edge for span in spans for edge in (span.start, span.end)}
    starts = [
        i
        for i in range(len(text))
        if i == 0 or i in edges or not (_is_inner(text[i - 1]) and _is_inner(text[i]))
    ]
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _is_inner(character: str) -> bool:
    return character.isascii() and character.isalnum()
