"""What every module leans on: checks of arguments, progress bars, names of types."""
