"""The second job: live inputs in, a verdict out. Is the model still asked about the customers it learned from?"""
