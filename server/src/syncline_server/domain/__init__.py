"""What a tenant decides about its tickets: who works on what, when, and what it is called."""
