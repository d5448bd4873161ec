"""Audit of one model: every family, one report."""
