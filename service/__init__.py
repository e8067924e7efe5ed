"""The online program: a customer comes in over HTTP, a probability of churn goes out.

Knows nothing of training, monitoring, MLflow or pandas: all it needs is the pinned bundle.
"""

__version__ = "0.1.0"
