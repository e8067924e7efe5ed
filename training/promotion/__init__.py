"""Decides which model serves: the promotion gate, rollback, challengers and the history of the pin."""
