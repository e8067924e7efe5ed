"""The demo page as a static site: the model runs in the visitor's browser."""
