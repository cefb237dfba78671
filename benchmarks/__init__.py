"""qbcore against a user's other ways: one file per model, one run of all."""
