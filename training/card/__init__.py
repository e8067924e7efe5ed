"""Step three of a fit: the model card and its figures."""
