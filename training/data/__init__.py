"""Step one of a fit: from a data source to checked rows, split into parts."""
