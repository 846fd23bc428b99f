"""What an instructor reads after a mistake: the real playbooks against simulated services, without any host."""
