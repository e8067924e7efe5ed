"""The online program: a customer comes in over HTTP, a probability of churn goes out."""

__version__ = "0.1.0"
