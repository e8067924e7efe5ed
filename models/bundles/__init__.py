"""A trained model on disk, how it scores and explains, and how good it is."""
