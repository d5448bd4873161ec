"""Concepts erased from vectors of any kind, and word vectors debiased."""

from ._concept_erasure import ConceptErasure
from ._hard_debias import HardDebias
from ._inlp import INLP
from ._mean_projection import MeanProjection
from ._word_lists import load_word_list, word_list_names

__all__ = [
    "INLP",
    "ConceptErasure",
    "HardDebias",
    "MeanProjection",
    "load_word_list",
    "word_list_names",
]
