"""A configured machine, judged by tools that are not ours: ssh-audit from outside, systemd-analyze on it."""
