"""`distill`: supervised training of the reranker on judged pairs, so that its score ranks and its rationales agree."""

from .stage import Config, run

__all__ = ["Config", "run"]
