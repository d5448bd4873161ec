"""Concept erasure and debiased word embeddings."""
