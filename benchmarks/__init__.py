"""qbcore beside what a user would otherwise do: one file a model, and one run of them all."""
