"""The columns file, which says how a foreign table becomes customers of the contract."""
