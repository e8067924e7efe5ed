"""Other servers with the same trees. Modules that end in `_server` or `_model` run in the peer's own environment."""
