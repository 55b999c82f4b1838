"""The overview: facts of all parts side by side, and the rule that makes one sentence and one colour of them."""
