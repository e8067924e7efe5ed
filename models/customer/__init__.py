"""The customer contract, the checks of its rules, files of customers, and reasons in words."""
