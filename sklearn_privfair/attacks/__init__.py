"""Evasion attacks as scikit-learn transformers."""
