"""What is measured: each scenario starts a server, drives a load through it and returns figures by metric."""
