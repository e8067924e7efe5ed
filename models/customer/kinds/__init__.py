"""Kinds of values that a feature may have, and how each is checked and encoded."""
