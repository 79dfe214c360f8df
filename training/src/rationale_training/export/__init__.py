"""`export`: a trained Hugging Face folder as the model folder that the extension loads, checked against the original."""

from .stage import Config, run

__all__ = ["Config", "run"]
