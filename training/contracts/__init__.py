"""The contract as a file to write: a first draft from a table."""
