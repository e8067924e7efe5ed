"""Measures coverage, false-alarm rate or power of each figure that the programs print."""
