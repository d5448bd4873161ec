"""Fair classifiers: nets trained against an adversary. Begun, and not public yet."""

__all__: list[str] = []
