"""Trained models on disk (bundles): pins, scores, explanations, risk policy and quality figures."""
