"""Membership inference and private training."""
