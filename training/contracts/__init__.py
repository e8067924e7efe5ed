"""The contract as a file to write: a first draft from a table, and what a change of it breaks."""
