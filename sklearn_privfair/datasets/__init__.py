"""Data sets for robustness, privacy and fairness."""
