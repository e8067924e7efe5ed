"""What the README's figures are made with; each module prints one table."""
