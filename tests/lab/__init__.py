"""The lab with real hosts: what it promises of EC2, and that nothing of it stays."""
