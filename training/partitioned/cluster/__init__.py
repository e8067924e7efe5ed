"""A cluster of Dask as an executor."""
