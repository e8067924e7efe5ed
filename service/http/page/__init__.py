"""The demo page at /."""
