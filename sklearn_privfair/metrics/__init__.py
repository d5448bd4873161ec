"""Measures of robustness, privacy and fairness, and the scorers made from them."""
