"""Character embeddings trained from scratch.

Shape suffixes: B sequences, L characters, D size of an embedding.
"""

import torch
from torch import Tensor

from ner_adv_plugin.data.alphabet import CharacterAlphabet
from ner_adv_plugin.data.batching.batch import Batch
from ner_adv_plugin.data.namespaces import CHARACTERS, UNKNOWN
from ner_adv_plugin.data.vocabulary import Vocabulary
from ner_adv_plugin.modules.dropout import Dropout
from ner_adv_plugin.modules.encoders.encoder import Encoder, LanguageModel


@Encoder.register("character_embedding")
class CharacterEmbedding(Encoder):
    """Embed each character of the training data; all other characters share one embedding.

    Registered as "character_embedding".

    # Parameters

    vocab : supplied; lists the characters.
    embedding_dim : size of an embedding, D.
    dropout : dropout probability on the embeddings.

    # Example

    ```jsonnet
    { type: 'character_embedding', embedding_dim: 100, dropout: 0.2 }
    ```
    """

    def __init__(self, vocab: Vocabulary, embedding_dim: int = 100, dropout: float = 0.0) -> None:
        super().__init__()
        indices = vocab.get_token_to_index_vocabulary(CHARACTERS)
        self.alphabet = CharacterAlphabet(indices, indices[UNKNOWN])
        self.embedding = torch.nn.Embedding(len(indices), embedding_dim, padding_idx=0)
        self.dropout = Dropout(dropout)

    def forward(self, batch: Batch) -> Tensor:
        """See `Encoder.forward`."""
        self.positions = batch.token_ids_BL.numel()
        vectors_BLD = self.embedding(batch.token_ids_BL)
        self.measure(batch.token_ids_BL, batch.lengths, self.embedding)
        added_BLD = self.added(batch.token_ids_BL, self.embedding.embedding_dim)
        states_BLD: Tensor = self.dropout(
            vectors_BLD if added_BLD is None else vectors_BLD + added_BLD
        )
        return states_BLD

    def other_entries(self, name: str, here: Vocabulary, there: Vocabulary) -> str | None:
        """See `Encoder.other_entries`: each character has a row."""
        own, other = (vocab.get_index_to_token_vocabulary(CHARACTERS) for vocab in (here, there))
        return None if own == other else "other characters there"

    def language_model(self) -> LanguageModel:
        """See `Encoder.language_model`: a masked character is read as an unknown one."""
        unknown = self.alphabet.unknown
        assert unknown is not None
        return LanguageModel(unknown, frozenset({0, unknown}), self.embedding)

    def get_output_dim(self) -> int:
        """See `Encoder.get_output_dim`."""
        return self.embedding.embedding_dim
