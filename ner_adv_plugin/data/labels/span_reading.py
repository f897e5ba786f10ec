"""How tag paths are decoded to spans, as scores that constrain paths.

Shape suffixes: T tags.
"""

import numpy as np
from numpy.typing import NDArray

from ner_adv_plugin.data.labels.tag_arrays import TagTable
from ner_adv_plugin.data.labels.tag_schemes import Role


class SpanReading:
    """Scores that constrain a tag path to begin, continue or end a span: 0 if it does, else -inf.

    Entities are decoded strictly, words so that they tile the text; see `TaggingHead`.

    # Parameters

    table : the tags of the scheme.

    # Attributes

    first_T : tags that begin a span at the first character of a sentence.
    last_T : tags that end a span at the last character of a sentence.
    opens_TT : [tag before the span, first tag of the span].
    inside_TT : [tag, next tag] inside a span.
    closes_TT : [last tag of the span, tag after the span].
    types_T : the type of each tag.
    """

    def __init__(self, table: TagTable) -> None:
        roles, types = table.roles_T, table.types_T
        begins = np.isin(roles, (Role.BEGIN, Role.SINGLE))
        ends = np.isin(roles, (Role.END, Role.SINGLE))
        marked = roles != Role.OUTSIDE
        same_type = (types[:, None] == types[None, :]) & marked[:, None] & marked[None, :]
        cut = ~same_type | ends[:, None] | begins[None, :]
        everywhere = np.ones((len(roles), len(roles)), dtype=bool)

        if table.scheme.segmentation:
            first, last, opens, closes = marked, marked, cut, cut
        elif table.scheme.name == "IOB1":
            first, last, closes = roles == Role.INSIDE, marked, cut
            # B begins a span right after one of the same type, I begins one anywhere else.
            opens = np.where(same_type, begins[None, :], first[None, :])
        elif table.scheme.closes:
            first, last = begins, ends
            opens, closes = everywhere & first[None, :], everywhere & last[:, None]
        else:
            first, last = begins, marked
            opens, closes = everywhere & first[None, :], cut

        self.types_T = types
        self.first_T, self.last_T = _as_scores(first), _as_scores(last & marked)
        self.opens_TT, self.closes_TT = _as_scores(opens), _as_scores(closes & marked[:, None])
        self.inside_TT = _as_scores(~cut)


def _as_scores(allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(allowed, 0.0, -np.inf)
