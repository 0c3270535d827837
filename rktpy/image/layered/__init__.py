"""Images made of layers, as docker and OCI have them: found, checked, made into one of ours."""
