"""What documents mean: records, their schemas, the rules for writing them, the read models made of them. All pure."""
