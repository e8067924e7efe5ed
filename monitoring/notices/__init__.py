"""Notices: tells a webhook of drift, fallen quality, runs without a verdict, refused pins and new models."""
