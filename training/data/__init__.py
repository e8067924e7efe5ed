"""Step one of a fit: reads the data, checks it and splits it."""
