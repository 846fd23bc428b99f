"""The lab: an EC2 endpoint on this machine whose instances are real hosts. See lab/README.md."""
