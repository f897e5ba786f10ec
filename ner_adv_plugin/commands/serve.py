"""`allennlp serve`."""

import argparse
import logging
import os
from pathlib import Path

from ner_adv_plugin.commands.options import add_ensemble
from ner_adv_plugin.common.errors import ConfigurationError, UserError
from ner_adv_plugin.common.extras import require_extra
from ner_adv_plugin.common.logging import log_to
from ner_adv_plugin.common.threads import log_threads
from ner_adv_plugin.serving import Batching, Limits, ServerSettings

logger = logging.getLogger(__name__)

TOKEN = "ALLENNLP_SERVE_TOKEN"
# The flag of each setting, for errors.
FLAGS = {
    "body_bytes": "--max-body",
    "texts": "--max-texts",
    "characters": "--max-characters",
    "n_best": "--max-n-best",
    "queued_requests": "--queue-requests",
    "queued_characters": "--queue-characters",
    "max_wait": "--max-wait",
    "max_tokens": "--max-tokens",
    "max_seconds": "--max-seconds",
    "window": "--window",
    "overlap": "--window-overlap",
    "stop_seconds": "--stop-seconds",
    "token": TOKEN,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the subcommand."""
    limits, batching, settings = Limits(), Batching(), ServerSettings()
    parser.add_argument(
        "archives",
        nargs="+",
        metavar="[NAME=]ARCHIVE",
        help="model.tar.gz or the folder of a run, under a name; the first one is the default",
    )
    add_ensemble(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port (8000); 0 for any free one")
    parser.add_argument(
        "--token-file",
        help=f"file with the token that requests must carry; or set {TOKEN} (no token)",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin send requests (CORS); may be repeated (none)",
    )
    parser.add_argument(
        "--cuda-device", type=int, default=-1, help="index of a GPU; -1 for the CPU (default)"
    )
    parser.add_argument(
        "--annotations", metavar="FILE", help="JSON file that keeps annotations of Label Studio"
    )

    group = parser.add_argument_group("batches")
    _number(group, "--max-wait", batching.max_wait, "seconds that a request waits for others")
    _number(group, "--max-tokens", batching.max_tokens, "characters of a batch, at most")
    _number(group, "--max-seconds", batching.max_seconds, "time of a batch, about")
    _number(group, "--window", batching.window, "characters that are predicted uncut")
    _number(group, "--window-overlap", batching.overlap, "characters that two pieces share")

    group = parser.add_argument_group("limits")
    _number(group, "--max-body", limits.body_bytes, "bytes of a request")
    _number(group, "--max-texts", limits.texts, "texts of a request")
    _number(group, "--max-characters", limits.characters, "characters of a request")
    _number(group, "--max-n-best", limits.n_best, "readings per text")
    _number(group, "--queue-requests", limits.queued_requests, "requests that wait")
    _number(group, "--queue-characters", limits.queued_characters, "characters that wait")
    _number(
        group, "--stop-seconds", settings.stop_seconds, "time for accepted requests after SIGTERM"
    )


def _number(group: argparse._ArgumentGroup, flag: str, default: float, text: str) -> None:
    group.add_argument(
        flag, type=type(default), default=default, metavar="N", help=f"{text} ({default})"
    )


def run(arguments: argparse.Namespace) -> None:
    """Load the archives and serve them until a signal."""
    for module in ("fastapi", "uvicorn", "prometheus_client"):
        require_extra(module, "allennlp serve")
    log_to()
    settings = _settings(arguments)
    if settings.token is None and arguments.host not in ("127.0.0.1", "localhost", "::1"):
        logger.warning("%s without a token: whoever reaches it may use it", arguments.host)

    from ner_adv_plugin.serving.app import create_app
    from ner_adv_plugin.serving.models import load_models
    from ner_adv_plugin.serving.server import serve

    models = load_models(arguments.archives, arguments.cuda_device, arguments.ensemble)
    log_threads()
    for model in models:
        logger.info("%s: heads %s", model.version, ", ".join(model.heads))
    serve(create_app(models, settings), arguments.host, arguments.port, settings)


def _settings(arguments: argparse.Namespace) -> ServerSettings:
    """Return the settings of the flags.

    # Raises

    UserError : if a value is not valid; names its flag.
    """
    try:
        return ServerSettings(
            limits=Limits(
                body_bytes=arguments.max_body,
                texts=arguments.max_texts,
                characters=arguments.max_characters,
                n_best=arguments.max_n_best,
                queued_requests=arguments.queue_requests,
                queued_characters=arguments.queue_characters,
            ),
            batching=Batching(
                max_wait=arguments.max_wait,
                max_tokens=arguments.max_tokens,
                max_seconds=arguments.max_seconds,
                window=arguments.window,
                overlap=arguments.window_overlap,
            ),
            token=_token(arguments.token_file),
            origins=tuple(arguments.allow_origin),
            stop_seconds=arguments.stop_seconds,
            annotations=Path(arguments.annotations) if arguments.annotations else None,
        )
    except ConfigurationError as error:
        raise UserError(f"{FLAGS[error.path]}: {error.message}") from error


def _token(path: str | None) -> str | None:
    """Return the token of a file or of the environment; a command line is seen by others."""
    if path is None:
        return os.environ.get(TOKEN)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--token-file {path}: {error}") from error
