"""What a customer is: the contract, its checks, and its values in words and in text."""
