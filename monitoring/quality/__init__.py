"""Quality of the pinned model on live outcomes, compared with its test set."""
