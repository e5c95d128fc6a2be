"""Step 6, build and evaluate offline: labels, features, training, selection, each a room of its own."""
