"""Concepts erased from vectors of any kind, and word vectors debiased."""

from ._concept_erasure import ConceptErasure
from ._double_hard_debias import DoubleHardDebias
from ._hard_debias import HardDebias
from ._inlp import INLP
from ._loading import load_word_vectors
from ._mean_projection import MeanProjection
from ._soft_debias import SoftDebias
from ._vectorizer import EmbeddingVectorizer
from ._word_lists import load_word_list, word_list_names

__all__ = [
    "INLP",
    "ConceptErasure",
    "DoubleHardDebias",
    "EmbeddingVectorizer",
    "HardDebias",
    "MeanProjection",
    "SoftDebias",
    "load_word_list",
    "load_word_vectors",
    "word_list_names",
]
