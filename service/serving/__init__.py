"""The served models, and their replacement when the pin changes."""
