"""Linear-chain conditional random field as a module.

Shape suffixes: B sequences, L positions, T tags, N paths.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ner_adv_plugin.modules.crf.checks import check_tensor
from ner_adv_plugin.modules.crf.divergence import divergence
from ner_adv_plugin.modules.crf.n_best import NBest, n_best
from ner_adv_plugin.modules.crf.partition import ForwardBackward, forward_backward, log_partition
from ner_adv_plugin.modules.crf.scores import Scores, expected_score, path_score
from ner_adv_plugin.modules.crf.viterbi import viterbi


class ConditionalRandomField(torch.nn.Module):
    """Linear-chain conditional random field over tag paths (Lafferty, McCallum and Pereira 2001).

    All methods take `emissions`, (B, L, T) of any floating type, and `mask`, (B, L) bool, True at
    the positions of each sequence, which come first (0 or more), and False at padding. Values at
    padding, NaN included, have no effect. Results are computed in float64, also under autocast, and
    returned as float32, or as float64 for float64 emissions. The log partition function of a
    sequence without an admissible path is -inf. All methods raise `ValueError` for a tensor of the
    wrong shape or type.

    The parameters `start_transitions` (T,), `transitions` (T, T) and `end_transitions` (T,) have
    the names and shapes of those of pytorch-crf, so that its state dicts can be loaded.

    # Parameters

    num_tags : number of tags, T.
    allowed_starts : (T,) bool, tags that a path may start with; all by default.
    allowed_transitions : (T, T) bool, whether tag j may follow tag i at [i, j]; all by default.
    allowed_ends : (T,) bool, tags that a path may end with; all by default.

    # Raises

    ValueError : `num_tags` is less than 1, or a constraint has the wrong shape or type.

    # Examples

    >>> import torch
    >>> crf = ConditionalRandomField(num_tags=2)
    >>> emissions = torch.tensor([[[5.0, 0.0], [0.0, 5.0]], [[0.0, 5.0], [0.0, 0.0]]])
    >>> mask = torch.tensor([[True, True], [True, False]])
    >>> crf.decode(emissions, mask)
    tensor([[0, 1],
            [1, 0]])
    >>> loss = crf(emissions, torch.tensor([[0, 1], [1, 0]]), mask).mean()
    >>> loss.backward()
    >>> crf.marginals(emissions, mask).shape
    torch.Size([2, 2, 2])
    """

    allowed_starts: Tensor
    allowed_transitions: Tensor
    allowed_ends: Tensor

    def __init__(
        self,
        num_tags: int,
        allowed_starts: Tensor | None = None,
        allowed_transitions: Tensor | None = None,
        allowed_ends: Tensor | None = None,
    ) -> None:
        super().__init__()
        if num_tags < 1:
            raise ValueError(f"num_tags must be at least 1, got {num_tags}")

        self.num_tags = num_tags
        self.start_transitions = torch.nn.Parameter(torch.empty(num_tags))
        self.end_transitions = torch.nn.Parameter(torch.empty(num_tags))
        self.transitions = torch.nn.Parameter(torch.empty(num_tags, num_tags))
        self._register_allowed("allowed_starts", allowed_starts, (num_tags,))
        self._register_allowed("allowed_transitions", allowed_transitions, (num_tags, num_tags))
        self._register_allowed("allowed_ends", allowed_ends, (num_tags,))
        self.reset_parameters()

    @classmethod
    def of_scores(
        cls,
        scores: Mapping[str, Tensor],
        allowed_starts: Tensor | None = None,
        allowed_transitions: Tensor | None = None,
        allowed_ends: Tensor | None = None,
    ) -> "ConditionalRandomField":
        """Return a CRF with given scores, on their device; no random numbers are drawn.

        # Parameters

        scores : `start_transitions` (T,), `end_transitions` (T,) and `transitions` (T, T).
        allowed_starts, allowed_transitions, allowed_ends : as above.
        """
        starts_T = scores["start_transitions"]
        with torch.random.fork_rng(devices=[]):
            crf = cls(len(starts_T), allowed_starts, allowed_transitions, allowed_ends)
        crf.load_state_dict(scores)
        return crf.to(starts_T.device)

    def reset_parameters(self) -> None:
        """Initialise all transition scores uniformly between -0.1 and 0.1."""
        for parameter in self.parameters():
            torch.nn.init.uniform_(parameter, -0.1, 0.1)

    def forward(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Compute the negative log-likelihood of a tag path of each sequence.

        # Parameters

        emissions, mask : see above.
        tags : the path, (B, L) long; any values at padding.

        # Returns

        (B,): 0 for an empty sequence, +inf for a path that uses a forbidden transition.
        """
        check_tensor("tags", tags, torch.long, emissions.shape[:2])
        with torch.autocast(emissions.device.type, enabled=False):
            scores = self._scores(emissions, mask)
            nll = log_partition(*scores) - path_score(scores, tags)
        return nll.to(_result_dtype(emissions))

    def marginal(self, emissions: Tensor, allowed: Tensor, mask: Tensor) -> Tensor:
        """Compute the negative log of the total probability of all paths over allowed tags.

        The loss for partial labels (Bellare and McCallum 2007; Tsuboi et al. 2008, "Training
        conditional random fields using incomplete annotations").

        # Parameters

        emissions, mask : see above.
        allowed : (B, L, T) bool, the tags that are allowed at each position.

        # Returns

        (B,): 0 for an empty sequence, +inf if none of these paths is admissible.
        """
        check_tensor("allowed", allowed, torch.bool, emissions.shape)

        with torch.autocast(emissions.device.type, enabled=False):
            scores = self._scores(emissions, mask)
            restricted = scores._replace(
                emissions=scores.emissions.masked_fill(~allowed & mask.unsqueeze(-1), -torch.inf)
            )
            nll = log_partition(*scores) - log_partition(*restricted, excludes=True)
        return nll.to(_result_dtype(emissions))

    def divergence(self, emissions: Tensor, others: Tensor, mask: Tensor) -> Tensor:
        """Compute the divergence between the distributions over tag paths for two emissions.

        # Parameters

        emissions, mask : see above.
        others : other emissions of the same sequences, (B, L, T).

        # Returns

        The mean of both directions of the Kullback-Leibler divergence in nats, (B,); 0 for an empty
        sequence.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            scores = self._scores(emissions, mask)
            result = divergence(scores.emissions, self._scores(others, mask).emissions, *scores[1:])
        return result.to(_result_dtype(emissions))

    def log_partition(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Compute the log partition function, (B,); 0 for an empty sequence."""
        with torch.autocast(emissions.device.type, enabled=False):
            return log_partition(*self._scores(emissions, mask)).to(_result_dtype(emissions))

    def score(self, emissions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """Compute the score of the tag path `tags`, (B, L) long, of each sequence.

        # Returns

        (B,): 0 for an empty sequence, -inf for a path that uses a forbidden transition.
        """
        check_tensor("tags", tags, torch.long, emissions.shape[:2])
        with torch.autocast(emissions.device.type, enabled=False):
            return path_score(self._scores(emissions, mask), tags).to(_result_dtype(emissions))

    def decode(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Decode the most probable tag path of each sequence, (B, L) long, 0 at padding."""
        return self.decode_with_scores(emissions, mask)[0]

    @torch.no_grad()
    def decode_with_scores(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Decode the most probable tag path of each sequence, without gradients.

        # Returns

        Tags, (B, L) long, 0 at padding, and scores of the paths, (B,).
        """
        with torch.autocast(emissions.device.type, enabled=False):
            tags, scores = viterbi(*self._scores(emissions, mask))
        return tags, scores.to(_result_dtype(emissions))

    @torch.no_grad()
    def n_best(self, emissions: Tensor, mask: Tensor, n: int) -> NBest:
        """Decode the `n` most probable tag paths of each sequence, without gradients.

        # Parameters

        emissions, mask : see above.
        n : number of paths, 1 or more.

        # Returns

        The paths, best first; an empty sequence has one path, with score 0.

        # Raises

        ValueError : n is less than 1.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            scores = self._scores(emissions, mask)
            tags_BNL, scores_BN = n_best(*scores, n)
            whole_B1 = forward_backward(*scores).log_partition.unsqueeze(1)
            # Both are -inf, and their difference NaN, if there is no path.
            probabilities_BN = (
                (scores_BN - whole_B1).exp().masked_fill(scores_BN == -torch.inf, 0.0)
            )
        dtype = _result_dtype(emissions)
        return NBest(tags_BNL, scores_BN.to(dtype), probabilities_BN.clamp(max=1.0).to(dtype))

    @torch.no_grad()
    def entropy(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Compute the entropy of the distribution over tag paths, without gradients.

        log Z minus the expected path score (Mann and McCallum 2007, "Efficient computation of
        entropy gradient for semi-supervised conditional random fields").

        # Returns

        (B,) in nats; 0 for an empty sequence and for one without an admissible path.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            scores = self._scores(emissions, mask)
            result = forward_backward(*scores)
            entropy_B = (result.log_partition - expected_score(scores, result)).clamp(min=0.0)
        return entropy_B.to(_result_dtype(emissions))

    def cross_entropy(
        self,
        emissions: Tensor,
        tags: Tensor,
        transitions: Tensor,
        mask: Tensor,
        scale: float = 1.0,
    ) -> Tensor:
        """Compute the cross-entropy from another distribution over tag paths to this one.

        The sum over all paths y of -q(y) log p(y) = log Z - E_q[score]; as a score is a sum over
        tags and transitions, it needs only their expectations under q.

        # Parameters

        emissions, mask : see above.
        tags : probability of each tag under q, (B, L, T) float; any values at padding.
        transitions : expected number of uses of each transition under q, (B, T, T) float.
        scale : factor of all scores of this field, such as 1 / temperature.

        # Returns

        (B,): 0 for an empty sequence, +inf if q uses a forbidden transition.
        """
        with torch.autocast(emissions.device.type, enabled=False):
            scores = self._scores(scale * emissions, mask)
            if scale != 1.0:
                starts, moves, ends = (scale * own for own in scores[2:])
                scores = scores._replace(starts=starts, transitions=moves, ends=ends)
            partition_B = log_partition(*scores)
            tags_BLT = tags.double().masked_fill(~mask.unsqueeze(-1), 0.0)
            expected = ForwardBackward(partition_B, tags_BLT.transpose(0, 1), transitions.double())
            entropy_B = partition_B - expected_score(scores, expected)
        return entropy_B.to(_result_dtype(emissions))

    @torch.no_grad()
    def expectations(self, emissions: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the expectations of tags and transitions, without gradients.

        # Returns

        The probability of each tag, (B, L, T), 0 at padding, and the expected number of uses of
        each transition, (B, T, T).
        """
        with torch.autocast(emissions.device.type, enabled=False):
            result = forward_backward(*self._scores(emissions, mask))
        dtype = _result_dtype(emissions)
        return result.tags.transpose(0, 1).to(dtype), result.transitions.to(dtype)

    @torch.no_grad()
    def marginals(self, emissions: Tensor, mask: Tensor) -> Tensor:
        """Compute the posterior of each tag, (B, L, T), 0 at padding, without gradients."""
        with torch.autocast(emissions.device.type, enabled=False):
            result = forward_backward(*self._scores(emissions, mask))
        return result.tags.transpose(0, 1).to(_result_dtype(emissions))

    def scaled(self, scale: float) -> "ConditionalRandomField":
        """Return a copy with all transition scores multiplied by `scale`; itself if it is 1."""
        if scale == 1.0:
            return self

        return ConditionalRandomField.of_scores(
            {name: scale * value for name, value in self.state_dict().items()},
            self.allowed_starts,
            self.allowed_transitions,
            self.allowed_ends,
        )

    def extra_repr(self) -> str:
        """See `torch.nn.Module.extra_repr`."""
        return f"num_tags={self.num_tags}"

    def _register_allowed(self, name: str, allowed: Tensor | None, shape: tuple[int, ...]) -> None:
        if allowed is None:
            allowed = torch.ones(shape, dtype=torch.bool)
        check_tensor(name, allowed, torch.bool, shape)
        self.register_buffer(name, allowed.clone(), persistent=False)

    def _scores(self, emissions: Tensor, mask: Tensor) -> Scores:
        if emissions.dim() != 3 or emissions.shape[1] == 0 or emissions.shape[2] != self.num_tags:
            raise ValueError(
                f"emissions must be (sequences, positions, {self.num_tags}) with at least one"
                f" position, got {tuple(emissions.shape)}"
            )
        check_tensor("mask", mask, torch.bool, emissions.shape[:2])

        return Scores(
            emissions.masked_fill(~mask.unsqueeze(-1), 0.0).double(),
            mask.sum(1),
            self.start_transitions.double().masked_fill(~self.allowed_starts, -torch.inf),
            self.transitions.double().masked_fill(~self.allowed_transitions, -torch.inf),
            self.end_transitions.double().masked_fill(~self.allowed_ends, -torch.inf),
        )


def _result_dtype(emissions: Tensor) -> torch.dtype:
    return torch.promote_types(emissions.dtype, torch.float32)
