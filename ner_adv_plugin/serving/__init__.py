"""Serving: trained models behind HTTP, with a page for people.

The modules other than `settings` and `windows` need the extra `serve`.
"""

from ner_adv_plugin.serving.settings import Batching, Limits, ServerSettings

__all__ = ["Batching", "Limits", "ServerSettings"]
