"""What is kept: documents, logs, snapshots, leases, cursors and revocations, behind one interface (`interface.py`)."""
