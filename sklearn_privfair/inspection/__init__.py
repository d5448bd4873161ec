"""Displays: one picture per file."""
