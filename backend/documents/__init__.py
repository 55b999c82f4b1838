"""Documents in chunks that can be searched: runbooks, and what else tells operators how things are done."""
