"""Measurements; they are never tests."""
