"""Membership inference and differentially private training."""

__all__: list[str] = []
