"""Lexicon features added to the states of another encoder.

Shape suffixes: B sequences, L characters, D state size, M matches of a sequence, K matches of all
sequences, E pairs of a match and a character in it, F size of a character's features.
"""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ner_adv_plugin.common.binding import construct
from ner_adv_plugin.common.class_names import class_of
from ner_adv_plugin.common.errors import ConfigurationError
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.files import local_path
from ner_adv_plugin.data.alphabet import Alphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.checks import RunContext
from ner_adv_plugin.data.lexicon import (
    NONE_ROW,
    UNKNOWN_ROW,
    FileWords,
    Lexicon,
    LexiconAlphabet,
    WordList,
)
from ner_adv_plugin.data.lexicon.alphabet import TYPES, WORDS
from ner_adv_plugin.data.lexicon.building import build_lexicon
from ner_adv_plugin.data.lexicon.word_lists import check_list
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.encoders.encoder import Encoder, LazyEncoder
from ner_adv_plugin.modules.encoders.perturbation import Perturbation

FOLDER = "lexicon"
# The positions of a character in a word: begin, middle, end, single.
BEGIN, MIDDLE, END, SINGLE = range(4)
SETS = 4


@Encoder.register("lexicon")
class LexiconEncoder(Encoder):
    r"""Add what a lexicon says about each character to the states of another encoder.

    A character is at the beginning, in the middle or at the end of the words that match the text
    around it, or is a word by itself: four sets $B, M, E, S$ of words (SoftLexicon, Ma et al. 2020,
    "Simplify the Usage of Lexicon in Chinese NER"). Each set becomes the sum of the embeddings
    $e(w)$ of its words, weighted by their frequencies $z(w)$,

    $$v(T) = \frac{4}{Z} \sum_{w \in T} z(w) \, e(w), \quad
    Z = \sum_{w \in B \cup M \cup E \cup S} z(w)$$

    and the four are concatenated. An empty set holds the word "none" with frequency 1. The
    frequency of a word is that of the lists, or else its number of matches in the training texts
    that no longer match covers, at least 1; texts of the reader "unlabelled" are not counted. Words
    that match in no training text, or only within longer ones, share the embedding of unknown
    words, unless they have pretrained vectors. A typed word gives four
    features of 0 or 1 for each type: whether the character is at the beginning, in the middle or at
    the end of a word of this type, or one by itself.

    Registered as "lexicon". It wraps an encoder, so that every tower and head of any model reads
    the features: parameters of the wrapped encoder are named `encoder.encoder.*`, those of the
    lexicon `encoder.embedding.*` and `encoder.projection.*`. Matches are found once per sentence,
    in the text after normalisers. An archive holds its lexicon. `allennlp predict --lexicon` adds
    words, which get the embedding of unknown words, or typed words, which get the features of their
    type.

    # Parameters

    vocab : supplied; gives the training texts, or the lexicon of an archive.
    encoder : the encoder whose states the features are added to.
    words : word lists; a string is the path of a text file.
    gazetteers : paths of files with a word, a tab and its type in every line.
    vectors : path of pretrained embeddings, in the text format of word2vec; without `words`, its
        words are the lexicon.
    embedding_dim : size of an embedding if there are no `vectors`.
    combine : "concatenate" appends the features to the states, "add" adds them after a projection
        to the size of the states.
    dropout : dropout probability on the features.
    word_dropout : in training, probability that a match counts as one of an unknown word.

    # Raises

    ConfigurationError : neither `words`, `gazetteers` nor `vectors` is set, or a file is missing.

    # Example

    ```jsonnet
    { type: 'lexicon', encoder: { type: 'character_embedding' },
      words: ['fixtures/data/lexicon/words.txt',
              { type: 'corpus', reader: 'sighan_cws', path: 'fixtures/data/sxu/train.utf8' }],
      gazetteers: ['fixtures/data/lexicon/types.txt'] }
    ```
    """

    def __init__(
        self,
        vocab: Vocabulary,
        encoder: LazyEncoder,
        words: list[str | WordList] | None = None,
        gazetteers: list[str] | None = None,
        vectors: str | None = None,
        embedding_dim: int = 50,
        combine: Literal["concatenate", "add"] = "concatenate",
        dropout: float = 0.5,
        word_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder: Encoder = encoder.construct(vocab=vocab)
        saved = vocab.directory / FOLDER if vocab.directory else None
        weights: Tensor | None = None
        if saved is not None and saved.is_dir():
            # The embeddings come with the weights of the model.
            self.lexicon = Lexicon.load(saved)
        else:
            lists = [FileWords(item) if isinstance(item, str) else item for item in words or ()]
            texts = None if vocab.training_texts is None else vocab.training_texts()
            self.lexicon, found = build_lexicon(
                lists,
                gazetteers or (),
                None if vectors is None else str(local_path(vectors)),
                texts or (),
                embedding_dim,
            )
            weights = None if found is None else torch.from_numpy(found)

        self.alphabet = LexiconAlphabet(self.encoder.alphabet, self.lexicon)
        size = 0
        self.embedding: torch.nn.Embedding | None = None
        if self.lexicon.frequencies:
            self.embedding = _embedding(self.lexicon, weights)
            size += SETS * self.embedding.embedding_dim
        size += SETS * len(self.lexicon.types)
        # Number of features of a character, F.
        self.features_size = size

        state_size = self.encoder.get_output_dim()
        self.projection = (
            torch.nn.Linear(size, state_size, bias=False) if combine == "add" else None
        )
        self.output_dim = state_size + (size if self.projection is None else 0)
        self.dropout = Dropout(dropout)
        self.word_dropout = word_dropout

    @classmethod
    def check(cls, settings: Mapping[str, Any], context: RunContext) -> None:
        """See `Registrable.check`: there is a lexicon, and its files exist."""
        require_extra("ahocorasick", 'encoder "lexicon"')
        if not any(settings[key] for key in ("words", "gazetteers", "vectors")):
            raise ConfigurationError('expected "words", "gazetteers" or "vectors"', "words")
        if class_of(Encoder, settings["encoder"]) is cls:
            raise ConfigurationError(
                "a lexicon inside a lexicon: name the words of both in one", "encoder"
            )
        if context.run is None:
            return
        for key in ("words", "gazetteers"):
            for index, path in enumerate(settings[key] or ()):
                if isinstance(path, str):
                    check_list(path, f"{key}.{index}")
        if settings["vectors"] is not None:
            check_list(settings["vectors"], "vectors")

    @classmethod
    def files_read(cls, settings: Mapping[str, Any]) -> Mapping[str, str]:
        """See `Registrable.files_read`: word lists, gazetteers and vectors."""
        lists = {
            f"{key}.{index}": item.get("path") if isinstance(item, Mapping) else item
            for key in ("words", "gazetteers")
            for index, item in enumerate(settings[key] or ())
        }
        files = {**lists, "vectors": settings["vectors"]}
        return {key: path for key, path in files.items() if isinstance(path, str)}

    @classmethod
    def alphabet_of(cls, vocab: Vocabulary, settings: Mapping[str, Any]) -> Alphabet | None:
        """See `Encoder.alphabet_of`: that of the wrapped encoder, as words make no difference."""
        lazy = construct(LazyEncoder, settings["encoder"], "encoder")
        alphabet: Alphabet | None = lazy.target.alphabet_of(vocab, lazy.filled)
        return alphabet

    def other_entries(self, name: str, here: Vocabulary, there: Vocabulary) -> str | None:
        """See `Encoder.other_entries`: words have rows, and types have features."""
        part, _, rest = name.partition(".")
        if part == "encoder":
            return self.encoder.other_entries(rest, here, there)
        folder = None if there.directory is None else there.directory / FOLDER
        if folder is None or not folder.is_dir():
            return "no lexicon there"
        other = Lexicon.load(folder)
        if part == "embedding":
            return None if other.known == self.lexicon.known else "other words there"
        return None if other.types == self.lexicon.types else "other types there"

    def add_words(self, path: str | Path) -> None:
        """See `Encoder.add_words`."""
        self.lexicon.add(path)

    @contextlib.contextmanager
    def perturbed(self, perturbation: Perturbation) -> Iterator[None]:
        """See `Encoder.perturbed`: the embeddings of characters are perturbed."""
        with self.encoder.perturbed(perturbation):
            yield

    def get_output_dim(self) -> int:
        """See `Encoder.get_output_dim`."""
        return self.output_dim

    def save_files(self, directory: Path) -> None:
        """See `Encoder.save_files`: those of the wrapped encoder, and the lexicon."""
        self.encoder.save_files(directory)
        self.lexicon.save(directory / FOLDER)

    def forward(self, batch: Batch) -> Tensor:
        """See `Encoder.forward`."""
        states_BLD: Tensor = self.encoder(batch)
        self.positions = self.encoder.positions
        features_BLF = self.dropout(self._features(batch))
        if self.projection is not None:
            added_BLD: Tensor = self.projection(features_BLF)
            return states_BLD + added_BLD
        return torch.cat([states_BLD, features_BLF], -1)

    def _features(self, batch: Batch) -> Tensor:
        """Return the features of all characters, (B, L, F)."""
        shape = batch.token_ids_BL.shape
        features = []
        if self.embedding is not None:
            words = _Expanded.of(_matches(batch, WORDS, 4), shape[1])
            rows_K = words.values_KX[:, 0]
            if self.training and self.word_dropout:
                dropped_K = torch.rand(rows_K.shape, device=rows_K.device) < self.word_dropout
                rows_K = rows_K.masked_fill(dropped_K, UNKNOWN_ROW)
            frequencies_K = words.values_KX[:, 1].to(self.embedding.weight.dtype)
            features.append(soft_lexicon(self.embedding, words, rows_K, frequencies_K, shape))
        if self.lexicon.types:
            types = _Expanded.of(_matches(batch, TYPES, 3), shape[1])
            count = len(self.lexicon.types)
            flat = torch.zeros(
                shape.numel() * count * SETS, device=batch.device, dtype=torch.float32
            )
            type_E = types.values_KX[types.match_E, 0]
            index_E = (types.character_E * count + type_E) * SETS + types.set_E
            features.append(flat.index_fill(0, index_E, 1.0).view(*shape, count * SETS))
        return torch.cat(features, -1)


class _Expanded(NamedTuple):
    """The matches of a batch, and the characters in them.

    # Parameters

    values_KX : what a match has besides start and end.
    match_E : index of the match.
    character_E : index of the character, of all padded ones of the batch.
    set_E : the position of the character in the word.
    """

    values_KX: Tensor
    match_E: Tensor
    character_E: Tensor
    set_E: Tensor

    @classmethod
    def of(cls, matches_BMX: Tensor, length: int) -> "_Expanded":
        """Expand matches, each a start, an end and further values; -1 at padding.

        # Parameters

        matches_BMX : the matches of each sequence.
        length : number of characters of a padded sequence, L.
        """
        sequence_K, index_K = (matches_BMX[..., 0] >= 0).nonzero(as_tuple=True)
        matches_KX = matches_BMX[sequence_K, index_K]
        sizes_K = matches_KX[:, 1] - matches_KX[:, 0]
        match_E = torch.arange(len(sizes_K), device=sizes_K.device).repeat_interleave(sizes_K)
        firsts_K = sizes_K.cumsum(0) - sizes_K
        offset_E = torch.arange(len(match_E), device=sizes_K.device) - firsts_K[match_E]

        sizes_E = sizes_K[match_E]
        set_E = torch.full_like(offset_E, MIDDLE)
        set_E = set_E.masked_fill(offset_E == sizes_E - 1, END).masked_fill(offset_E == 0, BEGIN)
        set_E = set_E.masked_fill(sizes_E == 1, SINGLE)
        character_E = (sequence_K * length + matches_KX[:, 0])[match_E] + offset_E
        return cls(matches_KX[:, 2:], match_E, character_E, set_E)


def _matches(batch: Batch, name: str, columns: int) -> Tensor:
    """Return the matches of a batch, (B, M, columns); a batch without sentences has none."""
    found = batch.inputs.get(name)
    return batch.token_ids_BL.new_zeros(len(batch), 0, columns) if found is None else found


def soft_lexicon(
    embedding: torch.nn.Embedding,
    words: _Expanded,
    rows_K: Tensor,
    frequencies_K: Tensor,
    shape: torch.Size,
) -> Tensor:
    """Return the embeddings of the four word sets of each character, (B, L, 4 * size).

    # Parameters

    embedding : of words.
    words : the matches.
    rows_K, frequencies_K : row of the embedding and frequency of each match.
    shape : number of sequences and of characters of a padded sequence.
    """
    count = shape.numel()
    slot_E = words.character_E * SETS + words.set_E
    frequency_E = frequencies_K[words.match_E]
    empty = torch.ones(count * SETS, device=slot_E.device, dtype=frequency_E.dtype)
    empty = empty.index_fill(0, slot_E, 0.0)
    # An empty set holds the word "none" with frequency 1.
    totals = empty.view(count, SETS).sum(1).index_add(0, words.character_E, frequency_E)
    scale = SETS / totals

    vectors_E = embedding(rows_K)[words.match_E]
    weight_E = frequency_E * scale[words.character_E]
    none = embedding.weight[NONE_ROW] * (empty * scale.repeat_interleave(SETS))[:, None]
    sums = none.index_add(0, slot_E, (vectors_E * weight_E[:, None]).to(none.dtype))
    return sums.view(*shape, SETS * embedding.embedding_dim)


def _embedding(lexicon: Lexicon, weights: Tensor | None) -> torch.nn.Embedding:
    """Return the embedding of words: pretrained rows as they are, others uniform at random."""
    size = lexicon.embedding_dim
    embedding = torch.nn.Embedding(lexicon.rows, size)
    bound = (3 / size) ** 0.5
    torch.nn.init.uniform_(embedding.weight, -bound, bound)
    if weights is not None:
        with torch.no_grad():
            given = ~weights.isnan().any(1)
            embedding.weight[given] = weights[given]
    return embedding
