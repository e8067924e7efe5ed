"""The models that serve at this moment, and when they are replaced."""
