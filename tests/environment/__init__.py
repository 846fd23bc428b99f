"""Environments made from what the project declares, and nothing else."""
