"""Numerical methods that know no battery: propagators and spin operators."""
