"""Adversarial debiasing of classifiers."""
