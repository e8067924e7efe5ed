"""One model, and which of the models answers a request."""
