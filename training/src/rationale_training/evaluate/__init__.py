"""`evaluate`: does a model rank better than BM25 and than the model before, are its labels calibrated, are its rationales
sound? Everything is measured on collections given by path; nothing is fitted on them."""

from .stage import Config, run

__all__ = ["Config", "run"]
