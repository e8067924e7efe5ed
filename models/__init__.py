"""The contract and the shelf: what a customer is, what a trained model on disk is, and how one scores the other.

Every program imports this package. It imports none of them.
"""
