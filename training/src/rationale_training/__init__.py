"""From documents to a reasoning reranker that Rationale loads: the stages behind `rationale-train`."""

__version__ = "0.1.0"
