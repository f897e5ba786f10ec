"""Settings of a server, with their checks."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from ner_adv_plugin.common.bounds import at_least
from ner_adv_plugin.common.errors import ConfigurationError


@dataclass(frozen=True)
class Limits:
    """The largest request that is accepted, and how much may wait.

    # Parameters

    body_bytes : bytes of a request's body.
    texts : texts of a request.
    characters : characters of all texts of a request.
    n_best : readings per text.
    queued_requests, queued_characters : requests that wait, and characters of their texts.

    # Raises

    ConfigurationError : if the largest request would never fit into the queue.
    """

    body_bytes: int = 8 * 2**20
    texts: int = 1000
    characters: int = 500_000
    n_best: int = 50
    queued_requests: int = 256
    queued_characters: int = 2_000_000

    def __post_init__(self) -> None:
        _check_positive(self)
        if self.characters > self.queued_characters:
            raise ConfigurationError(
                f"expected at most {self.queued_characters}, the characters that may wait, found "
                f"{self.characters}",
                "characters",
            )


@dataclass(frozen=True)
class Batching:
    """How texts of several requests become batches.

    # Parameters

    max_wait : seconds that a request waits for others to share a batch with.
    max_tokens : maximum number of characters in a batch, unless it is one longer piece.
    max_seconds : maximum time of a batch, estimated from the batches before; bounds how long a
        short text waits while a long one is worked on.
    window : maximum number of characters of a piece; longer texts are cut, see `windows`.
    overlap : characters that two pieces share if the text has no sentence end to cut at.

    # Raises

    ConfigurationError : if a value is out of range, or `overlap` is not below half of `window`.
    """

    max_wait: float = 0.005
    max_tokens: int = 4096
    max_seconds: float = 0.25
    window: int = 1000
    overlap: int = 100

    def __post_init__(self) -> None:
        _check_positive(self, zero_allowed=("max_wait", "overlap"))
        if 2 * self.overlap >= self.window:
            raise ConfigurationError(
                f"expected less than half of the window, {self.window}, found {self.overlap}",
                "overlap",
            )


@dataclass(frozen=True)
class ServerSettings:
    """Everything that does not depend on the models.

    # Parameters

    limits, batching : see the classes.
    token : the token that requests must carry; None lets everybody in.
    origins : origins whose pages may send requests (CORS); none by default.
    stop_seconds : seconds that accepted requests have after the signal to stop.
    body_seconds : seconds in which the body of a request must arrive.
    annotations : JSON file that collects annotations of Label Studio; None keeps none.
    """

    limits: Limits = field(default_factory=Limits)
    batching: Batching = field(default_factory=Batching)
    token: str | None = None
    origins: tuple[str, ...] = ()
    stop_seconds: float = 30.0
    body_seconds: float = 30.0
    annotations: Path | None = None

    def __post_init__(self) -> None:
        if self.token is not None and (not self.token.isascii() or not self.token.strip()):
            raise ConfigurationError("expected ASCII text that is not blank", "token")
        at_least(0, self.stop_seconds, "stop_seconds")


def _check_positive(settings: Limits | Batching, zero_allowed: tuple[str, ...] = ()) -> None:
    """Check the numbers of a dataclass."""
    for name, value in dataclasses.asdict(settings).items():
        if value < 0 or (value == 0 and name not in zero_allowed):
            least = "0 or more" if name in zero_allowed else "more than 0"
            raise ConfigurationError(f"expected {least}, found {value}", name)
