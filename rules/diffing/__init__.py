"""What changed between two books, in words, and what the change means for the parties that they decide."""
