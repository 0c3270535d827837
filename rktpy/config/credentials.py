"""Credentials that configuration files give for hosts and registries."""

from __future__ import annotations

from rktpy.value import Value


class BasicAuth(Value):
    """User and password."""

    user: str
    password: str

    kind = "basic"

    def header(self) -> str:
        """Return the value of the ``Authorization`` header."""
        from binascii import b2a_base64

        secret = b2a_base64(f"{self.user}:{self.password}".encode(), newline=False)
        return f"Basic {secret.decode('ascii')}"

    def credentials(self) -> dict[str, str]:
        """Return the ``credentials`` object as it is written in a file."""
        return {"user": self.user, "password": self.password}


class OAuth(Value):
    """A bearer token."""

    token: str

    kind = "oauth"

    def header(self) -> str:
        """Return the value of the ``Authorization`` header."""
        return f"Bearer {self.token}"

    def credentials(self) -> dict[str, str]:
        """Return the ``credentials`` object as it is written in a file."""
        return {"token": self.token}


class AWSAuth(Value):
    """Keys with which each request is signed, so there is no constant header."""

    access_key_id: str
    secret_access_key: str
    region: str  # "" if not given

    kind = "aws"

    def region_for(self, host: str) -> str:
        """Return the region to sign for: the given one, else what the name of ``host`` tells."""
        if self.region:
            return self.region
        # s3-eu-west-1.amazonaws.com, bucket.s3.eu-west-1.amazonaws.com, bucket.s3.amazonaws.com
        labels = host.partition(":")[0].split(".")
        for label, after in zip(labels, [*labels[1:], ""], strict=True):
            if label.startswith("s3-"):
                return label[3:]
            if label == "s3" and after not in ("", "amazonaws"):
                return after
        return "us-east-1"

    def credentials(self) -> dict[str, str]:
        """Return the ``credentials`` object as it is written in a file."""
        return {
            "accessKeyID": self.access_key_id,
            "secretAccessKey": self.secret_access_key,
            "awsRegion": self.region,
        }
