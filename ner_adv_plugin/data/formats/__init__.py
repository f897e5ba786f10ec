"""Corpus formats of annotation tools and libraries: one registered class per format."""

from ner_adv_plugin.data.formats.annotations_reader import AnnotationsReader, readable_as
from ner_adv_plugin.data.formats.auto import AutoFormat, recognised
from ner_adv_plugin.data.formats.brat import BratFormat
from ner_adv_plugin.data.formats.cluener import CluenerFormat
from ner_adv_plugin.data.formats.conll import ConllFormat, WeiboFormat
from ner_adv_plugin.data.formats.corpus_file import CorpusFile
from ner_adv_plugin.data.formats.corpus_format import CorpusFormat
from ner_adv_plugin.data.formats.docbin import SpacyFormat
from ner_adv_plugin.data.formats.doccano import DoccanoFormat
from ner_adv_plugin.data.formats.entities import EntitiesFormat
from ner_adv_plugin.data.formats.html import HtmlFormat
from ner_adv_plugin.data.formats.huggingface import HuggingFaceFormat
from ner_adv_plugin.data.formats.label_studio import LabelStudioFormat
from ner_adv_plugin.data.formats.language_model import LanguageModelFormat
from ner_adv_plugin.data.formats.prodigy import ProdigyFormat

__all__ = [
    "AnnotationsReader",
    "AutoFormat",
    "BratFormat",
    "CluenerFormat",
    "ConllFormat",
    "CorpusFile",
    "CorpusFormat",
    "DoccanoFormat",
    "EntitiesFormat",
    "HtmlFormat",
    "HuggingFaceFormat",
    "LabelStudioFormat",
    "LanguageModelFormat",
    "ProdigyFormat",
    "SpacyFormat",
    "WeiboFormat",
    "readable_as",
    "recognised",
]
