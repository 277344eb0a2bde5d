"""alarmd: the management server of an alarm system made of cheap networked cameras."""

__version__ = "0.1.0"
