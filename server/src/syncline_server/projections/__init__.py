"""What was committed, laid out for questions: inbox, search, who has read what. Derived from the log, at any time."""
