"""What the README's figures are made with. `throughput` is the story; `startup`, `peers` and `hotspots` are others."""
