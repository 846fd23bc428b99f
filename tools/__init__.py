"""What developers run: the documentation's generator, the house rules, the stages of the tests."""
