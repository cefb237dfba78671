"""qbcore beside what a user would otherwise do: one file per model, one run of all."""
