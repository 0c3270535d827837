"""What the host's firewall does for a pod: masquerading, published ports."""
