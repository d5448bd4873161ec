"""Concepts erased from vectors of any kind, and word vectors debiased."""

from ._hard_debias import HardDebias
from ._word_lists import load_word_list, word_list_names

__all__ = ["HardDebias", "load_word_list", "word_list_names"]
